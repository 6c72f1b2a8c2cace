// Package program finds out why execve(2) has refused a program that is there: the kernel says
// neither which interpreter is missing nor what it misses in a file. It is asked after a failure
// only, and reads files that whoever made the image may have filled with anything.
package program

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Reader reads regular files of a container, without ever leaving its root or blocking on what
// isn't one; rootfs.Root is one.
type Reader interface {
	// ReadRegular reads at most limit bytes of a file, and says how large it is.
	ReadRegular(path string, limit int) (text []byte, size int64, err error)
}

// maxHead is how much of a file is read: its header, and the program headers that come behind it.
const maxHead = 64 << 10

// maxChain is how many interpreters of interpreters the kernel follows.
const maxChain = 5

// Why says why a program was refused, in words that stand behind the kernel's; "" if that can't be
// seen. cwd is where the process is, search what name is looked for in if it has no slash: the
// value of PATH.
func Why(root Reader, name, cwd, search string, errno error) string {
	file, head, ok := find(root, name, cwd, search)
	switch {
	case errors.Is(errno, unix.ENOENT) || errors.Is(errno, unix.ENOTDIR):
		if ok {
			if why := missing(root, file, head, cwd); why != "" {
				return why
			}
		}
		return "its interpreter is missing" // for the file itself was found before
	case errors.Is(errno, unix.ENOEXEC) && ok:
		return malformed(head)
	}
	return ""
}

// Unfit says why a program that is there would be refused, "" if nothing is seen: who can't read it, or can read no interpreter of
// its, knows nothing.
func Unfit(root Reader, name, cwd, search string) string {
	file, head, ok := find(root, name, cwd, search)
	if !ok {
		return ""
	}
	if why := missing(root, file, head, cwd); why != "" {
		return why
	}
	if looped(root, head, cwd) {
		return fmt.Sprintf("its interpreters are scripts themselves, and more than the %d that the kernel follows", maxChain)
	}
	return malformed(head)
}

// looped tells whether scripts lead to more scripts than the kernel follows.
func looped(root Reader, head []byte, cwd string) bool {
	for range maxChain {
		needs := scriptInterpreter(head)
		if needs == "" {
			return false
		}
		var err error
		if head, _, err = root.ReadRegular(absolute(needs, cwd), maxHead); err != nil {
			return false
		}
	}
	return scriptInterpreter(head) != ""
}

// find finds a program as execvp(3) does.
func find(root Reader, name, cwd, search string) (file string, head []byte, ok bool) {
	if strings.Contains(name, "/") {
		file = absolute(name, cwd)
		head, _, err := root.ReadRegular(file, maxHead)
		return file, head, err == nil
	}
	for dir := range strings.SplitSeq(search, ":") {
		if strings.HasPrefix(dir, "/") {
			file = path.Join(dir, name)
			if head, _, err := root.ReadRegular(file, maxHead); err == nil {
				return file, head, true
			}
		}
	}
	return "", nil, false
}

func absolute(name, cwd string) string {
	if path.IsAbs(name) {
		return name
	}
	return cwd + "/" + name
}

// missing names the interpreter that isn't there, of a file or of its interpreter.
func missing(root Reader, file string, head []byte, cwd string) string {
	by := ""
	for range maxChain {
		kind, needs := "interpreter", scriptInterpreter(head)
		if needs == "" {
			kind, needs = "loader", elfInterpreter(head)
		}
		if needs == "" {
			return ""
		}
		next, _, err := root.ReadRegular(absolute(needs, cwd), maxHead)
		switch {
		case err == nil:
			head, by = next, needs
			continue
		case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR):
			return ""
		case strings.HasSuffix(needs, "\r"):
			return "its interpreter " + shown(needs) + " is missing: the lines of " + shown(file) + " end as on Windows"
		case by != "":
			return "its interpreter " + shown(by) + " needs " + shown(needs) + ", which is missing"
		}
		return "its " + kind + " " + shown(needs) + " is missing"
	}
	return ""
}

// shown is a path of the image's in a line.
func shown(path string) string {
	const limit = 200
	cut := path
	if len(cut) > limit {
		cut = cut[:limit] + "..."
	}
	if quoted := strconv.Quote(cut); quoted[1:len(quoted)-1] != path {
		return quoted
	}
	return path
}

// maxLine is how much of a first line the kernel looks at.
const maxLine = 256

// scriptInterpreter is what the first line of a script names behind #!, "" if it names none.
func scriptInterpreter(head []byte) string {
	line, is := strings.CutPrefix(string(head[:min(len(head), maxLine)]), "#!")
	if !is {
		return ""
	}
	line, _, _ = strings.Cut(line, "\n")
	line = strings.TrimLeft(line, " \t")
	if end := strings.IndexAny(line, " \t\x00"); end >= 0 {
		line = line[:end]
	}
	return line
}

// header is where things are in an ELF file of a class, see elf(5).
type header struct {
	size, phoff, phentsize, phnum int // of the file's header
	entry, offset, filesz         int // of a program header
	wide                          bool
}

var (
	header32 = header{size: 52, phoff: 28, phentsize: 42, phnum: 44, entry: 32, offset: 4, filesz: 16}
	header64 = header{size: 64, phoff: 32, phentsize: 54, phnum: 56, entry: 56, offset: 8, filesz: 32, wide: true}
)

const elfMagic = "\x7fELF"

// layout is how to read an ELF file; ok is false if it is none, or less than its header.
func layout(head []byte) (h *header, order binary.ByteOrder, ok bool) {
	if len(head) < header32.size || string(head[:len(elfMagic)]) != elfMagic {
		return nil, nil, false
	}
	const class, data = 4, 5
	switch h = &header32; head[class] {
	case 1:
	case 2:
		h = &header64
	default:
		return nil, nil, false
	}
	switch order = binary.LittleEndian; head[data] {
	case 1:
	case 2:
		order = binary.BigEndian
	default:
		return nil, nil, false
	}
	return h, order, len(head) >= h.size
}

// word reads an offset or a size.
func (h *header) word(order binary.ByteOrder, at []byte) uint64 {
	if h.wide {
		return order.Uint64(at)
	}
	return uint64(order.Uint32(at))
}

// elfInterpreter is what PT_INTERP of an ELF file names; "" if it has none in its head.
func elfInterpreter(head []byte) string {
	h, order, ok := layout(head)
	if !ok {
		return ""
	}
	at, size := h.word(order, head[h.phoff:]), uint64(order.Uint16(head[h.phentsize:]))
	if size < uint64(h.entry) {
		return ""
	}
	for range order.Uint16(head[h.phnum:]) {
		entry, ok := part(head, at, uint64(h.entry))
		if !ok {
			return ""
		}
		const interp = 3
		if order.Uint32(entry) == interp {
			name, ok := part(head, h.word(order, entry[h.offset:]), h.word(order, entry[h.filesz:]))
			if !ok || len(name) > unix.PathMax {
				return ""
			}
			text, _, _ := strings.Cut(string(name), "\x00")
			return text
		}
		at += size
	}
	return ""
}

// part is size bytes from an offset on, if they are there.
func part(head []byte, at, size uint64) ([]byte, bool) {
	if at > uint64(len(head)) || size > uint64(len(head))-at {
		return nil, false
	}
	return head[at : at+size], true
}

// malformed says what the kernel misses in a file.
func malformed(head []byte) string {
	switch {
	case len(head) == 0:
		return "it is empty"
	case strings.HasPrefix(string(head), "#!"):
		if scriptInterpreter(head) == "" {
			return "its first line names no interpreter"
		}
		return "" // what its interpreter is
	case !strings.HasPrefix(string(head), elfMagic):
		return "it has neither a line with #! nor the header of an ELF file"
	}
	h, order, ok := layout(head)
	if !ok {
		return "its ELF header is damaged"
	}
	const machine = 18
	code := order.Uint16(head[machine:])
	if native() != 0 && code != native() {
		return "it is for " + machineName(code) + ", this machine is " + machineName(native())
	}
	if entries := h.word(order, head[h.phoff:]); len(head) < maxHead && entries+uint64(order.Uint16(head[h.phnum:]))*uint64(h.entry) > uint64(len(head)) {
		return "it is cut off: its ELF header tells of more than its " + strconv.Itoa(len(head)) + " bytes"
	}
	return ""
}

// machines are the architectures of ELF files: number, name, and the name that Go has.
var machines = [...]struct {
	code       uint16
	name, arch string
}{
	{3, "i386", "386"},
	{8, "mips", "mips"},
	{20, "ppc", ""},
	{21, "ppc64", "ppc64le"},
	{22, "s390x", "s390x"},
	{40, "arm", "arm"},
	{62, "x86_64", "amd64"},
	{183, "aarch64", "arm64"},
	{243, "riscv64", "riscv64"},
	{258, "loongarch64", "loong64"},
}

func machineName(code uint16) string {
	for _, m := range machines {
		if m.code == code {
			return m.name
		}
	}
	return "machine " + strconv.Itoa(int(code))
}

// native is this machine; 0 if it has no name here.
func native() uint16 {
	for _, m := range machines {
		if m.arch == runtime.GOARCH {
			return m.code
		}
	}
	return 0
}
