package step

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestDevices(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/dev/link -> zero", "root/dev/dir/", "root/dev/file", "root/dev/fifo|", "outside", "root/dev/out -> ../../outside")
		null := uint64(unix.Mkdev(1, 3))
		b.must(&Device{rootfs.Node{Path: "/dev/null", Mode: unix.S_IFCHR | 0o620, Rdev: null, UID: 3, GID: 4}})
		b.fails(&Device{rootfs.Node{Path: "/dev/file", Mode: unix.S_IFCHR | 0o666, Rdev: null}}, "exists and is another kind of file")

		for _, p := range []string{"/dev/new", "/dev/file", "/dev/fifo", "/dev/null", "/sub/dir/null"} {
			b.must(&BindDevice{Path: p, Tree: b.clone("/dev/null")})
			var st unix.Stat_t
			if err := unix.Lstat(b.root+p, &st); err != nil || uint64(st.Rdev) != null || st.Mode&unix.S_IFMT != unix.S_IFCHR {
				b.Errorf("%s: %v, mode %#o", p, err, st.Mode)
			}
		}
		b.fails(&BindDevice{Path: "/dev/link", Tree: b.clone("/dev/null")}, "is a symbolic link: too many levels of symbolic links")
		b.fails(&BindDevice{Path: "/dev/out", Tree: b.clone("/dev/null")}, "is a symbolic link: too many levels of symbolic links")
		b.fails(&BindDevice{Path: "/dev/dir", Tree: b.clone("/dev/null")}, "is a directory")
		b.fails(&BindDevice{Path: "/dev/x", Tree: 0}, "mount source 0: bad file descriptor")
		if l := b.info("/../outside"); l != "" {
			b.Errorf("mounted outside: %s", l)
		}

		b.must(&Link{Path: "/dev/fd", Target: "/proc/self/fd"})
		b.must(&Link{Path: "/dev/link", Target: "pts/ptmx"})
		for p, want := range map[string]string{"/dev/fd": "/proc/self/fd", "/dev/link": "zero"} {
			if got, _ := os.Readlink(b.root + p); got != want {
				b.Errorf("%s -> %q, want %q", p, got, want)
			}
		}
		b.must(&Link{Path: "/dev/link", Target: "pts/ptmx", Replace: true})
		if got, _ := os.Readlink(b.root + "/dev/link"); got != "pts/ptmx" {
			b.Errorf("/dev/link -> %q", got)
		}
	})
}
