package step

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/internal/user"
	"github.com/rung-oci/rung/nsenter"
)

func TestCwd(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/file", "root/loop -> loop", "root/out -> ../../../made", "root/ro/")
		for _, p := range []string{"/a/b", "/file", "/file/x", "/loop", "/out/x", strings.Repeat("/x", 3000)} {
			b.must(&Cwd{p}) // never an error: whoever needs it will say so
		}
		for _, p := range []string{"/a/b", "/made/x"} {
			if st, err := os.Stat(b.root + p); err != nil || !st.IsDir() || st.Mode().Perm() != 0o755 {
				b.Errorf("%s: %v", p, err)
			}
		}
		if _, err := os.Stat(b.dir + "/made"); err == nil {
			b.Error("made outside of the root")
		}
	})
}

// passwd is a line of passwd(5) that makes home the home of uid.
func passwd(uid, home string) string { return "name:x:" + uid + ":0:gecos:" + home + ":/bin/sh\n" }

func TestHome(t *testing.T) {
	long := strings.Repeat("x", 40<<10)
	filler := strings.Repeat("n:x:9:9:g:/nine:/s\n", 3000)
	table := []struct {
		name, file, want string
	}{
		{"plain", passwd("0", "/root") + passwd("5", "/home/five"), "/home/five"},
		{"first counts", passwd("5", "/one") + passwd("5", "/two"), "/one"},
		{"nobody", passwd("0", "/root"), "/"},
		{"empty", "", "/"},
		{"no newline at the end", strings.TrimSpace(passwd("5", "/home")), "/home"},
		{"short line", "a:x:5:0:gecos:/home\n", "/home"},
		{"too few fields", "a:x:5:0:/home\n", "/"},
		{"colons", "::5:::/home::::\n", "/home"},
		{"no home", passwd("5", ""), "/"},
		{"relative home", passwd("5", "home"), "/"},
		{"NUL", passwd("5", "/ho\x00me"), "/"},
		{"uid with sign", passwd("+5", "/home"), "/"},
		{"uid too large", passwd("4294967301", "/home"), "/"},
		{"uid text", passwd("five", "/home") + passwd("5", "/five"), "/five"},
		{"long line before", long + "\n" + passwd("5", "/home"), "/home"},
		{"long line of ours", "n:x:5:0:" + long + ":/home:/sh\n" + passwd("5", "/real"), "/home"},
		{"line at the edge", strings.Repeat("z", 32<<10-1) + "\n" + passwd("5", "/home"), "/home"},
		{"line over the edge", strings.Repeat("z", 32<<10) + "\n" + passwd("5", "/home"), "/home"},
		{"far away", filler + passwd("5", "/far"), "/far"},
		{"beyond the limit", strings.Repeat("#\n", user.MaxFile/2) + passwd("5", "/far"), "/"},
		{"binary", strings.Repeat("\x00\xff:", 5000) + "\n" + passwd("5", "/home"), "/home"},
		{"home that fits", passwd("5", "/"+strings.Repeat("h", HomeSize-7)), "/" + strings.Repeat("h", HomeSize-7)},
		{"home too long", passwd("5", "/"+strings.Repeat("h", HomeSize-6)), "/"},
		{"odd home", passwd("5", "/a b\"=$x"), "/a b\"=$x"},
	}
	inBox(t, func(b *box) {
		b.roomy("a part of a file")
		testbed.Tree(b, b.dir, "root/etc/")
		for _, tt := range table {
			if err := os.WriteFile(b.root+"/etc/passwd", []byte(tt.file), 0o644); err != nil {
				b.Fatal(err)
			}
			if got := homeIn(b, b.root); got != "HOME="+tt.want {
				b.Errorf("%s: %.100q, want HOME=%.100q", tt.name, got, tt.want)
			}
		}
	})
}

// homeIn runs a Home for uid 5 and reads what the environment then holds.
func homeIn(b *box, dir string) string {
	b.Helper()
	tape := nsenter.NewTape()
	s := &Home{UID: 5, Text: tape.Alloc(HomeSize), Pointer: tape.Slot()}
	guard := tape.Slot()
	tape.Put(guard, 0x5a)
	im := tape.Image()
	made, err := nsenter.NewArena(im)
	if err != nil {
		b.Fatal(err)
	}
	defer made.Close()
	e := NewEnv(b.K)
	if e.Arena, err = nsenter.OpenArena(made.FD, len(im.Data), []uint32{}); err != nil {
		b.Fatal(err)
	}
	defer e.Arena.Unmap()
	if e.Root.FD, err = b.K.Openat("", calls.At, dir, unix.O_PATH, 0).Open(); err != nil {
		b.Fatal(err)
	}
	defer b.K.Close(e.Root.FD)
	if s.Run(e); b.K.Flush() != nil {
		b.Fatalf("Run = %v", b.K.Err())
	}
	if e.Arena.Word(guard) != 0x5a {
		b.Error("written behind the room for HOME")
	}
	buf := make([]byte, HomeSize+1)
	n, err := unix.Pread(made.FD, buf, int64(e.Arena.Word(s.Pointer)-e.Arena.Addr(0)))
	if err != nil {
		b.Fatal(err)
	}
	return unix.ByteSliceToString(buf[:n])
}

// What an image puts in the place of the file neither blocks nor leads out.
func TestHomeDecoys(t *testing.T) {
	inBox(t, func(b *box) {
		b.roomy("a part of a file")
		testbed.Tree(b, b.dir, "passwd")
		if err := os.WriteFile(b.dir+"/passwd", []byte(passwd("5", "/host")), 0o644); err != nil {
			b.Fatal(err)
		}
		for i, entry := range []string{"etc/passwd|", "etc/passwd/", "etc/passwd -> /dev/zero", "etc/passwd -> ../../../passwd", "etc -> ../../", "etc/passwd -> passwd", "etc/none"} {
			sub := "r" + strconv.Itoa(i)
			testbed.Tree(b, b.dir, sub+"/"+entry, sub+"/dev/")
			if err := unix.Mknod(b.dir+"/"+sub+"/dev/zero", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
				b.Fatal(err)
			}
			if got := homeIn(b, b.dir+"/"+sub); got != "HOME=/" {
				b.Errorf("%s: %q, want HOME=/", entry, got)
			}
		}
	})
}
