package mount

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// info is the line of mountinfo for the last mount at path.
func info(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return testbed.Mounted(text, path)
}

func parse(t *testing.T, words string) option.Options {
	t.Helper()
	o, err := option.Parse(strings.Fields(words))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// made is what f gives; -1 and its error, and nothing left open, where something goes
// wrong.
func made(f func(k *calls.Kernel) calls.FD) (int, error) {
	k := new(calls.Kernel)
	var fd calls.FD
	err := k.Try(func() { fd = f(k) })
	if err != nil {
		k.Close(fd)
		return -1, err
	}
	return fd.Int(), nil
}

func newTree(kind, source string, o option.Options, attr uint64) (int, error) {
	return made(func(k *calls.Kernel) calls.FD { return New(k, kind, source, o, attr) })
}

func legacy(kind, source, staging string, o option.Options, attr uint64) (int, error) {
	return made(func(k *calls.Kernel) calls.FD { return Legacy(k, kind, source, staging, o, attr) })
}

func clone(dir calls.FD, path string, recursive bool) (int, error) {
	return made(func(k *calls.Kernel) calls.FD { return Clone(k, "", dir, path, recursive).FD() })
}

// done is the error of what f does.
func done(f func(k *calls.Kernel)) error {
	k := new(calls.Kernel)
	f(k)
	return k.Flush()
}

func put(tree, target int) error {
	return done(func(k *calls.Kernel) { Attach(k, "", calls.Number(tree), calls.Number(target)) })
}

func setAttr(tree int, set, clr uint64, recursive bool) error {
	return done(func(k *calls.Kernel) { SetAttr(k, "", calls.Number(tree), set, clr, recursive) })
}

func setPropagation(tree int, kind uint64, recursive bool) error {
	return done(func(k *calls.Kernel) { SetPropagation(k, "", calls.Number(tree), kind, recursive) })
}

// attach makes the directory and attaches the tree there.
func attach(t *testing.T, tree int, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := put(tree, testbed.Open(t, path)); err != nil {
		t.Errorf("Attach at %s: %v", path, err)
	}
}

// A new mount has all options at once, and nobody sees it before.
func TestNew(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		for _, tt := range []struct {
			kind, source, words string
			want                []string // in the line of mountinfo
		}{
			{"tmpfs", "name", "size=64k mode=0700 nosuid nodev", []string{"rw,nosuid,nodev,relatime", "- tmpfs name ", "size=64k", "mode=700"}},
			{"tmpfs", "tmpfs", "ro noexec noatime", []string{"ro,noexec,noatime", "- tmpfs tmpfs rw"}}, // the superblock stays writable
			{"tmpfs", "", "strictatime nodiratime nosymfollow", []string{"rw,nodiratime,nosymfollow", "- tmpfs none"}},
			{"proc", "proc", "nosuid hidepid=2", []string{"rw,nosuid,relatime", "- proc proc", "hidepid=invisible"}},
			{"proc", "proc", "ro", []string{" ro,relatime", "- proc proc ro"}},
			{"devpts", "devpts", "newinstance ptmxmode=0666 mode=0620 gid=5", []string{"- devpts devpts", "gid=5,mode=620,ptmxmode=666"}},
			{"tmpfs", "x", "sync dirsync", []string{"rw,sync,dirsync"}},
		} {
			o := parse(t, tt.words)
			tree, err := newTree(tt.kind, tt.source, o, o.Attr.Set)
			if err != nil {
				t.Errorf("New(%s, %s) = %v", tt.kind, tt.words, err)
				continue
			}
			path := filepath.Join(dir, "m")
			if l := info(t, path); l != "" {
				t.Errorf("visible before Attach: %s", l)
			}
			attach(t, tree, path)
			line := info(t, path)
			for _, w := range tt.want {
				if !strings.Contains(line, w) {
					t.Errorf("New(%s, %s) made %q, want %q", tt.kind, tt.words, line, w)
				}
			}
			if flags, _ := unix.FcntlInt(uintptr(tree), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Error("the descriptor isn't close-on-exec")
			}
			unix.Close(tree)
			if err := unix.Unmount(path, 0); err != nil {
				t.Error(err)
			}
		}
	})
}

// Errors say what the kernel says.
func TestNewErrors(t *testing.T) {
	testbed.Tmpfs(t, 0, func(_ string) {
		for _, tt := range []struct {
			kind, source, words string
			text                string
			errno               error
		}{
			{"nosuchfs", "", "", `this kernel has no file system "nosuchfs": no such device`, unix.ENODEV},
			{"tmpfs", "", "size=much", "tmpfs: Bad value for 'size': invalid argument", unix.EINVAL},
			{"tmpfs", "", "nosuchoption", "tmpfs: Unknown parameter 'nosuchoption': invalid argument", unix.EINVAL},
			{"tmpfs", "", "nosuchoption=1", "tmpfs: Unknown parameter 'nosuchoption': invalid argument", unix.EINVAL},
			{"proc", "", "hidepid=9", "hidepid", unix.EINVAL},
			{"ext4", "/dev/nosuchdevice", "", "/dev/nosuchdevice", unix.ENOENT},
		} {
			same := testbed.Same(t, os.Getpid())
			fd, err := newTree(tt.kind, tt.source, parse(t, tt.words), 0)
			if err != nil {
				same()
			} else {
				t.Errorf("New(%s, %s): no error", tt.kind, tt.words)
				unix.Close(fd)
				continue
			}
			if fd != -1 || !errors.Is(err, tt.errno) || strings.Contains(tt.text, ":") && err.Error() != tt.text || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("New(%s, %s) = %d, %v, want %s", tt.kind, tt.words, fd, err, tt.text)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("New(%s, %s) = %q, want one line", tt.kind, tt.words, err)
			}
		}
		if _, err := newTree("tmpfs", "", option.Options{}, 1<<30); err == nil {
			t.Error("New with an unknown attribute: no error")
		}
	})
}

func TestLegacy(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		var lowers []string
		for _, n := range []string{"a", "b", "c"} {
			lower := filepath.Join(dir, strings.Repeat(n, 120))
			if err := os.MkdirAll(lower, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(lower+"/"+n, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			lowers = append(lowers, lower)
		}
		staging := filepath.Join(dir, "staging")
		if err := os.Mkdir(staging, 0o755); err != nil {
			t.Fatal(err)
		}
		o := option.Options{Data: []string{"lowerdir=" + strings.Join(lowers, ":"), "xino=off"}}
		_, err := newTree("overlay", "overlay", o, 0)
		var long *ErrTooLong
		if !errors.As(err, &long) || long.Key != "lowerdir" || err.Error() != "option lowerdir is longer than 255 bytes" {
			t.Fatalf("New = %v, want ErrTooLong", err)
		}
		tree, err := legacy("overlay", "source", staging, o, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(tree)
		if l := info(t, staging); l != "" {
			t.Errorf("left on the staging directory: %s", l)
		}
		path := filepath.Join(dir, "m")
		attach(t, tree, path)
		if l := info(t, path); !strings.Contains(l, "ro,nosuid") || !strings.Contains(l, "- overlay source ") {
			t.Errorf("made %q", l)
		}
		for _, n := range []string{"a", "b", "c"} {
			if _, err := os.Stat(path + "/" + n); err != nil {
				t.Error(err)
			}
		}
		// It is unmounted even if no descriptor is left to clone it.
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: limit.Max}); err != nil {
			t.Fatal(err)
		}
		_, err = legacy("tmpfs", "source", staging, option.Options{}, 0)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if l := info(t, staging); !errors.Is(err, unix.EMFILE) || l != "" {
			t.Errorf("Legacy without descriptors = %v, left %q", err, l)
		}
		for _, bad := range []string{"nosuchfs", "overlay"} {
			if _, err := legacy(bad, "", staging, option.Options{}, 0); err == nil {
				t.Errorf("Legacy(%s): no error", bad)
			}
			if l := info(t, staging); l != "" {
				t.Errorf("left on the staging directory: %s", l)
			}
		}
	})
}

// The longest value that fits.
func TestLongestValue(t *testing.T) {
	testbed.Tmpfs(t, 0, func(_ string) {
		for n, fits := range map[int]bool{maxValue: true, maxValue + 1: false} {
			fd, err := newTree("tmpfs", strings.Repeat("s", n), option.Options{}, 0)
			var long *ErrTooLong
			if fits && err != nil || !fits && (!errors.As(err, &long) || long.Key != "source") {
				t.Errorf("New with a source of %d bytes = %v", n, err)
			}
			if err == nil {
				unix.Close(fd)
			}
		}
	})
}

func TestClone(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		src := filepath.Join(dir, "src")
		if err := os.MkdirAll(src+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(src+"/file", []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", src+"/sub", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(src+"/sub/inner", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, recursive := range []bool{false, true} {
			tree, err := clone(calls.At, src, recursive)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "dst")
			attach(t, tree, path)
			if _, err := os.Stat(path + "/sub/inner"); (err == nil) != recursive {
				t.Errorf("clone recursive %v: the mount below: %v", recursive, err)
			}
			for _, flags := range []struct {
				recursive bool
				want      [2]string
			}{{false, [2]string{" ro,", " rw,"}}, {true, [2]string{" ro,", " ro,"}}} {
				if err := setAttr(tree, 0, unix.MOUNT_ATTR_RDONLY, true); err != nil {
					t.Error(err)
				}
				if err := setAttr(tree, unix.MOUNT_ATTR_RDONLY, 0, flags.recursive); err != nil {
					t.Error(err)
				}
				if l := info(t, path); !strings.Contains(l, flags.want[0]) {
					t.Errorf("top: %q, want %q", l, flags.want[0])
				}
				if l := info(t, path+"/sub"); recursive && !strings.Contains(l, flags.want[1]) {
					t.Errorf("below: %q, want %q", l, flags.want[1])
				}
			}
			unix.Close(tree)
			if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
		if l := info(t, src); l != "" {
			t.Errorf("the source became a mount: %s", l)
		}
		// A file by descriptor.
		tree, err := clone(calls.Number(testbed.Open(t, src+"/file")), "", false)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(tree)
		target := filepath.Join(dir, "target")
		if err := os.WriteFile(target, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := put(tree, testbed.Open(t, dir)); err == nil {
			t.Error("a file was attached to a directory")
		}
		if err := put(tree, testbed.Open(t, target)); err != nil {
			t.Error(err)
		}
		if got, _ := os.ReadFile(target); string(got) != "text" {
			t.Errorf("read %q through the mount", got)
		}
		if _, err := clone(calls.At, dir+"/nothing", false); !errors.Is(err, unix.ENOENT) {
			t.Errorf("Clone of nothing = %v", err)
		}
	})
}

func TestSetPropagation(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		tree, err := newTree("tmpfs", "", option.Options{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(tree)
		path := filepath.Join(dir, "m")
		attach(t, tree, path)
		if err := os.Mkdir(path+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", path+"/sub", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			kind       uint64
			recursive  bool
			top, below string
		}{
			{unix.MS_SHARED, false, "shared:", ""},
			{unix.MS_SHARED, true, "shared:", "shared:"},
			{unix.MS_PRIVATE, false, "", "shared:"},
			{unix.MS_PRIVATE, true, "", ""},
			{unix.MS_UNBINDABLE, false, "unbindable", ""},
		} {
			if err := setPropagation(tree, tt.kind, tt.recursive); err != nil {
				t.Fatal(err)
			}
			for p, want := range map[string]string{path: tt.top, path + "/sub": tt.below} {
				f := strings.Fields(info(t, p))
				if got := strings.Join(f[6:slices.Index(f, "-")], " "); !strings.HasPrefix(got, want) || want == "" && got != "" {
					t.Errorf("propagation %#x recursive %v: %s is %q, want %q", tt.kind, tt.recursive, p, got, want)
				}
			}
		}
		if err := setAttr(-1, 0, 0, false); err != nil {
			t.Errorf("SetAttr of nothing = %v, want no call at all", err)
		}
	})
}
