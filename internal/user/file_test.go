package user

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// plain reads below a directory of the test's. That it can't be led out and
// doesn't block is the real reader's job (package rootfs); this one takes what
// it finds.
type plain string

func (p plain) ReadRegular(path string, limit int) ([]byte, int64, error) {
	fd, err := unix.Open(string(p)+path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, 0, errors.New("not a regular file")
	}
	text := make([]byte, min(st.Size, int64(limit)))
	_, err = io.ReadFull(f, text)
	return text, st.Size, err
}

// readIn reads a file in the time that no decoy may exceed.
func readIn(t *testing.T, dir string) (text []byte, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		text, err = In{plain(dir)}.Passwd()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("the read hangs")
	}
	return text, err
}

func etc(t *testing.T) (dir, passwd string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, dir + "/etc/passwd"
}

func TestReadFile(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	atCap := strings.Repeat(line, MaxFile/100) + strings.Repeat("y", MaxFile%100)
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"a line", "a:b\n", "a:b\n"},
		{"no newline at the end", "a:b", "a:b"},
		{"at the limit", atCap, atCap},
		{"over the limit", atCap + "y", atCap[:MaxFile/100*100]},
		{"one long line", strings.Repeat("z", MaxFile+1), ""},
	} {
		dir, passwd := etc(t)
		if err := os.WriteFile(passwd, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := readIn(t, dir); err != nil || string(got) != tt.want {
			t.Errorf("%s: %d bytes, %v, want %d", tt.name, len(got), err, len(tt.want))
		}
	}
}

func TestReadFileDecoys(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(passwd string) error
		want string // of the error; "": an empty file
	}{
		"nothing":   {func(string) error { return nil }, unix.ENOENT.Error()},
		"fifo":      {func(p string) error { return unix.Mkfifo(p, 0o644) }, "not a regular file"},
		"directory": {func(p string) error { return os.Mkdir(p, 0o755) }, "not a regular file"},
		"loop":      {func(p string) error { return os.Symlink("passwd", p) }, unix.ELOOP.Error()},
		"zero":      {func(p string) error { return os.Symlink("/dev/zero", p) }, "not a regular file"},
		"tty":       {func(p string) error { return os.Symlink("/dev/ptmx", p) }, "not a regular file"},
		"socket": {func(p string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err == nil {
				err = unix.Bind(fd, &unix.SockaddrUnix{Name: p})
				unix.Close(fd)
			}
			return err
		}, unix.ENXIO.Error()},
		"kernel's log": {func(p string) error { return os.Symlink("/proc/kmsg", p) }, ""},
		"sparse": {func(p string) error {
			if err := os.WriteFile(p, nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(p, 2<<30)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir, passwd := etc(t)
			if err := tt.make(passwd); err != nil {
				t.Fatal(err)
			}
			text, err := readIn(t, dir)
			if len(text) != 0 || (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
				t.Errorf("ReadFile = %d bytes, %v, want %q", len(text), err, tt.want)
			}
		})
	}
}
