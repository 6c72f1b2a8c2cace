package security

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A decoy is a directory of the host's to which hostile images point. Whatever
// the runtime is made to do, it must stay as it is.
type decoy struct {
	dir    string
	before map[string]string
}

func newDecoy(t *testing.T) *decoy {
	t.Helper()
	d := &decoy{dir: harness.TempDir(t)}
	for _, name := range []string{"ptmx", "f", "null", "console"} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte("marker of "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.before = d.look(t)
	return d
}

// look describes every file.
func (d *decoy) look(t *testing.T) map[string]string {
	t.Helper()
	m := make(map[string]string)
	err := filepath.WalkDir(d.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := ""
		if st.Mode&unix.S_IFMT == unix.S_IFREG {
			data, _ := os.ReadFile(path)
			text = string(data)
		}
		m[path] = fmt.Sprintf("mode %o owner %d:%d changed %d.%d device %x: %s", st.Mode, st.Uid, st.Gid, st.Ctim.Sec, st.Ctim.Nsec, st.Rdev, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (d *decoy) check(t *testing.T) {
	t.Helper()
	now := d.look(t)
	if maps.Equal(now, d.before) {
		return
	}
	for path, text := range now {
		if d.before[path] != text {
			t.Errorf("outside of the container: %s is now %q, was %q", path, text, d.before[path])
		}
	}
	for path := range d.before {
		if _, ok := now[path]; !ok {
			t.Errorf("outside of the container: %s is gone", path)
		}
	}
}

// up is a relative link from the directory name of a rootfs to target.
func up(t *testing.T, b *harness.Bundle, name, target string) string {
	t.Helper()
	rel, err := filepath.Rel(filepath.Dir(filepath.Join(b.Rootfs, name)), target)
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

// symlink replaces name in the rootfs by a link.
func symlink(t *testing.T, b *harness.Bundle, target, name string) {
	t.Helper()
	path := filepath.Join(b.Rootfs, name)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// place puts something that isn't what the runtime expects at name.
func place(t *testing.T, b *harness.Bundle, name, kind string) {
	t.Helper()
	path := filepath.Join(b.Rootfs, name)
	err := os.RemoveAll(path)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = makeNode(path, kind)
	}
	if err != nil {
		t.Fatalf("place %s at %s: %v", kind, name, err)
	}
}

func makeNode(path, kind string) error {
	kind, arg, _ := strings.Cut(kind, ":")
	switch kind {
	case "missing":
		return nil
	case "file":
		return os.WriteFile(path, nil, 0o644)
	case "dir":
		return os.Mkdir(path, 0o755)
	case "fifo":
		return unix.Mkfifo(path, 0o666)
	case "socket":
		return unix.Mknod(path, unix.S_IFSOCK|0o666, 0)
	case "char":
		var minor uint32
		fmt.Sscan(arg, &minor)
		return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor)))
	case "link":
		return os.Symlink(arg, path)
	}
	return fmt.Errorf("unknown kind %q", kind)
}
