package program

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// files is a root filesystem by its files.
type files map[string]string

func (f files) ReadRegular(path string, limit int) ([]byte, int64, error) {
	switch text, ok := f[path]; {
	case !ok:
		return nil, 0, unix.ENOENT
	case text == "unreadable":
		return nil, 0, unix.EACCES
	default:
		return []byte(text[:min(len(text), limit)]), int64(len(text)), nil
	}
}

// program is an ELF file with an interpreter.
func program(machine uint16, wide, big bool, interpreter string) string {
	h, order := &header32, binary.ByteOrder(binary.LittleEndian)
	head := make([]byte, 200)
	copy(head, elfMagic)
	head[4], head[5] = 1, 1
	if wide {
		h, head[4] = &header64, 2
	}
	if big {
		order, head[5] = binary.BigEndian, 2
	}
	put := func(at int, v uint64) {
		if wide {
			order.PutUint64(head[at:], v)
		} else {
			order.PutUint32(head[at:], uint32(v))
		}
	}
	order.PutUint16(head[18:], machine)
	put(h.phoff, uint64(h.size))
	order.PutUint16(head[h.phentsize:], uint16(h.entry))
	order.PutUint16(head[h.phnum:], 2)
	second := h.size + h.entry
	order.PutUint32(head[h.size:], 6)
	order.PutUint32(head[second:], 3)
	put(second+h.offset, 200)
	put(second+h.filesz, uint64(len(interpreter)+1))
	return string(head) + interpreter + "\x00"
}

func TestWhy(t *testing.T) {
	const lib = "/lib64/ld-linux-x86-64.so.2"
	cut := program(native(), true, false, lib)[:100]
	for name, c := range map[string]struct {
		text  string
		errno error
		want  string
	}{
		"script":         {"#!/bin/bash\necho", unix.ENOENT, "its interpreter /bin/bash is missing"},
		"argument":       {"#! /usr/bin/env python3\n", unix.ENOENT, "its interpreter /usr/bin/env is missing"},
		"no line end":    {"#!/bin/bash", unix.ENOENT, "its interpreter /bin/bash is missing"},
		"Windows":        {"#!/bin/sh\r\necho", unix.ENOENT, `its interpreter "/bin/sh\r" is missing: the lines of /bin/x end as on Windows`},
		"relative":       {"#!tool\n", unix.ENOENT, "its interpreter tool is missing"},
		"chain":          {"#!/bin/script\n", unix.ENOENT, "its interpreter /bin/script needs /bin/perl, which is missing"},
		"loop":           {"#!/bin/x\n", unix.ENOENT, "its interpreter is missing"},
		"not to be read": {"#!/bin/secret\n", unix.ENOENT, "its interpreter is missing"},
		"no directory":   {"#!/bin/bash/x\n", unix.ENOTDIR, "its interpreter /bin/bash/x is missing"},
		"escape":         {"#!/\x1b[2J\n", unix.ENOENT, `its interpreter "/\x1b[2J" is missing`},
		"ELF":            {program(62, true, false, lib), unix.ENOENT, "its loader " + lib + " is missing"},
		"ELF 32":         {program(3, false, false, "/lib/ld-linux.so.2"), unix.ENOENT, "its loader /lib/ld-linux.so.2 is missing"},
		"ELF big":        {program(22, true, true, "/lib/ld64.so.1"), unix.ENOENT, "its loader /lib/ld64.so.1 is missing"},
		"ELF 32 big":     {program(20, false, true, "/lib/ld.so.1"), unix.ENOENT, "its loader /lib/ld.so.1 is missing"},
		"static":         {"\x7fELF\x02\x01" + strings.Repeat("\x00", 60), unix.ENOENT, "its interpreter is missing"},
		"empty":          {"", unix.ENOEXEC, "it is empty"},
		"text":           {"echo hello\n", unix.ENOEXEC, "it has neither a line with #! nor the header of an ELF file"},
		"no name":        {"#! \n", unix.ENOEXEC, "its first line names no interpreter"},
		"truncated":      {"\x7fELF\x02\x01\x01", unix.ENOEXEC, "its ELF header is damaged"},
		"cut off":        {cut, unix.ENOEXEC, "it is cut off: its ELF header tells of more than its 100 bytes"},
		"class":          {"\x7fELF\x07" + strings.Repeat("\x00", 60), unix.ENOEXEC, "its ELF header is damaged"},
		"denied":         {"#!/bin/bash\n", unix.EACCES, ""},
	} {
		root := files{"/bin/x": c.text, "/bin/script": "#!/bin/perl -w\n", "/bin/secret": "unreadable"}
		for _, as := range []string{"/bin/x", "x"} {
			if got := Why(root, as, "/bin", "/usr/bin:bin:/bin", c.errno); got != c.want {
				t.Errorf("%s as %s: %q, want %q", name, as, got, c.want)
			}
		}
	}
	if got := Why(files{"/bin/./x": "#!y\n"}, "./x", "/bin", "", unix.ENOENT); got != "its interpreter y is missing" {
		t.Errorf("by a relative path: %q", got)
	}
	if got := Why(files{}, "x", "/", "/bin", unix.ENOENT); got != "its interpreter is missing" {
		t.Errorf("of a file that can't be found: %q", got)
	}
}

// Programs of other machines say which.
func TestMachine(t *testing.T) {
	other := uint16(22)
	if native() == other {
		other = 62
	}
	want := "it is for " + machineName(other) + ", this machine is " + machineName(native())
	if got := Why(files{"/x": program(other, true, other == 22, "/l")}, "/x", "/", "", unix.ENOEXEC); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := machineName(9999); got != "machine 9999" {
		t.Error(got)
	}
}

// What debug/elf finds in programs of this machine, we do.
func TestOwn(t *testing.T) {
	for _, name := range []string{"/bin/ls", "/proc/self/exe"} {
		f, err := elf.Open(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				text := make([]byte, p.Filesz)
				if _, err := p.ReadAt(text, 0); err != nil {
					t.Fatal(err)
				}
				want = strings.TrimRight(string(text), "\x00")
			}
		}
		f.Close()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := elfInterpreter(text[:min(len(text), maxHead)]); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzWhy(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n"))
	f.Add([]byte(program(62, true, false, "/lib/ld.so")))
	f.Add([]byte(program(20, false, true, "/lib/ld.so")))
	f.Fuzz(func(t *testing.T, text []byte) {
		root := files{"/x": string(text)}
		for _, errno := range []error{unix.ENOENT, unix.ENOEXEC, unix.EACCES} {
			why := Why(root, "/x", "/", "", errno)
			if len(why) > 1000 || strings.ContainsAny(why, "\n\x00\x1b") {
				t.Errorf("%q", why)
			}
		}
	})
}

// Five scripts may lead to each other's, and one to itself never ends.
func TestLoop(t *testing.T) {
	chain := files{"/1": "#!/2\n", "/2": "#!/3\n", "/3": "#!/4\n", "/4": "#!/5\n", "/5": "#!/6\n", "/6": "#!/7\n", "/self": "#!/self\n"}
	for name, want := range map[string]bool{"/1": true, "/self": true, "/2": false} {
		root := files{"/7": "#"}
		for k, v := range chain {
			root[k] = v
		}
		if got := strings.Contains(Unfit(root, name, "/", ""), "scripts themselves"); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
