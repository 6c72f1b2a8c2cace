package option

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// Flags of statfs(2) that package unix has no names for on every architecture.
const (
	stNosymfollow = 0x2000
	stAttributes  = unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC |
		unix.ST_NOATIME | unix.ST_NODIRATIME | unix.ST_RELATIME | stNosymfollow
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
}

// newMount returns a detached tmpfs with the given superblock flag words and attributes.
func newMount(t *testing.T, words []string, attributes uint64) int {
	t.Helper()
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Fatalf("fsopen: %v", err)
	}
	defer unix.Close(fs)
	for _, word := range words {
		if err := unix.FsconfigSetFlag(fs, word); err != nil {
			t.Fatalf("fsconfig %s: %v", word, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		t.Fatalf("fsconfig create: %v", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, int(attributes))
	if err != nil {
		t.Fatalf("fsmount %#x: %v", attributes, err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func flags(t *testing.T, fd int) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		t.Fatalf("fstatfs: %v", err)
	}
	return int64(st.Flags) & stAttributes
}

// starts are the attributes that a mount has before the words are applied.
var starts = map[string]uint64{
	"fresh":   0,
	"strict":  unix.MOUNT_ATTR_STRICTATIME,
	"noatime": unix.MOUNT_ATTR_NOATIME,
	"all": unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
		unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOSYMFOLLOW | unix.MOUNT_ATTR_NOATIME,
}

// Each word, applied by mount_setattr(2) to mounts of every kind, changes what it should and
// nothing else.
func TestKernelAttributes(t *testing.T) {
	needRoot(t)
	const mode = unix.ST_NOATIME | unix.ST_RELATIME // neither: strictatime
	for _, tt := range []struct {
		word string
		mask int64 // what it may change
		want int64 // what it makes of that
	}{
		{word: "ro", mask: unix.ST_RDONLY, want: unix.ST_RDONLY},
		{word: "rw", mask: unix.ST_RDONLY},
		{word: "nosuid", mask: unix.ST_NOSUID, want: unix.ST_NOSUID},
		{word: "suid", mask: unix.ST_NOSUID},
		{word: "nodev", mask: unix.ST_NODEV, want: unix.ST_NODEV},
		{word: "dev", mask: unix.ST_NODEV},
		{word: "noexec", mask: unix.ST_NOEXEC, want: unix.ST_NOEXEC},
		{word: "exec", mask: unix.ST_NOEXEC},
		{word: "nodiratime", mask: unix.ST_NODIRATIME, want: unix.ST_NODIRATIME},
		{word: "diratime", mask: unix.ST_NODIRATIME},
		{word: "nosymfollow", mask: stNosymfollow, want: stNosymfollow},
		{word: "symfollow", mask: stNosymfollow},
		{word: "noatime", mask: mode, want: unix.ST_NOATIME},
		{word: "strictatime", mask: mode},
		{word: "relatime", mask: mode, want: unix.ST_RELATIME},
		{word: "atime", mask: mode, want: unix.ST_RELATIME},
		{word: "norelatime", mask: mode, want: unix.ST_RELATIME},
		{word: "nostrictatime", mask: mode, want: unix.ST_RELATIME},
	} {
		for name, start := range starts {
			for _, recursive := range []bool{false, true} {
				fd := newMount(t, nil, start)
				before := flags(t, fd)
				word, at := tt.word, uint(unix.AT_EMPTY_PATH)
				if recursive {
					word, at = "r"+word, at|unix.AT_RECURSIVE
				}
				o, err := Parse([]string{word})
				if err != nil {
					t.Fatal(err)
				}
				a, none := o.Attr, o.RecAttr
				if recursive {
					a, none = none, a
				}
				if !none.IsZero() || a.IsZero() {
					t.Errorf("Parse(%s): attributes in the wrong place: %+v", word, o)
				}
				if err := unix.MountSetattr(fd, "", at, &unix.MountAttr{Attr_set: a.Set, Attr_clr: a.Clear}); err != nil {
					t.Errorf("%s on %s: mount_setattr %+v: %v", word, name, a, err)
					continue
				}
				if got, want := flags(t, fd), before&^tt.mask|tt.want; got != want {
					t.Errorf("%s on %s: flags %#x, want %#x (before %#x)", word, name, got, want, before)
				}
			}
		}
	}
}

// lastMount returns the mount options and the superblock options of what is mounted on dir.
func lastMount(t *testing.T, dir string) (mount, super string) {
	data, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		t.Errorf("mountinfo: %v", err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); f[4] == dir {
			mount, super = f[5], f[len(f)-1]
		}
	}
	return mount, super
}

func has(options, word string) bool {
	return strings.Contains(","+options+",", ","+word+",")
}

// The superblock words reach the superblock, both by fsconfig(2) and by mount(2).
func TestKernelSuperblock(t *testing.T) {
	needRoot(t)
	testbed.Tmpfs(t, 0, func(dir string) {
		for _, word := range []string{"sync", "dirsync", "lazytime", "ro"} {
			o, _ := Parse([]string{word})
			fd := newMount(t, o.Superblock, 0)
			if err := unix.MoveMount(fd, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
				t.Errorf("move_mount: %v", err)
				return
			}
			if _, super := lastMount(t, dir); !has(super, word) {
				t.Errorf("fsconfig %s: superblock options %s", word, super)
			}
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Errorf("unmount: %v", err)
			}
			if err := unix.Mount("none", dir, "tmpfs", o.Legacy(), ""); err != nil {
				t.Errorf("mount %s: %v", word, err)
				continue
			}
			if _, super := lastMount(t, dir); !has(super, word) {
				t.Errorf("mount(2) %s: superblock options %s", word, super)
			}
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Errorf("unmount: %v", err)
			}
		}
	})
}

// A mount by mount(2) with Legacy gets the same attributes as one by fsmount(2) and mount_setattr(2).
func TestKernelLegacy(t *testing.T) {
	needRoot(t)
	testbed.Tmpfs(t, 0, func(dir string) {
		for _, words := range []string{
			"", "ro", "nosuid nodev noexec", "noatime", "strictatime", "relatime", "nodiratime",
			"nosymfollow", "silent iversion", "mand", "noatime atime", "ro rw", "strictatime norelatime",
		} {
			o, err := Parse(strings.Fields(words))
			if err != nil {
				t.Error(err)
				continue
			}
			if len(o.Data) > 0 {
				t.Errorf("Parse(%s).Data = %q", words, o.Data)
			}
			fd := newMount(t, o.Superblock, 0)
			if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: o.Attr.Set, Attr_clr: o.Attr.Clear}); err != nil && !o.Attr.IsZero() {
				t.Errorf("%s: mount_setattr: %v", words, err)
			}
			if err := unix.Mount("none", dir, "tmpfs", o.Legacy(), ""); err != nil {
				t.Errorf("%s: mount(2): %v", words, err)
				continue
			}
			var st unix.Statfs_t
			if err := unix.Statfs(dir, &st); err != nil {
				t.Errorf("statfs: %v", err)
			}
			if got, want := int64(st.Flags)&stAttributes, flags(t, fd); got != want {
				t.Errorf("%s: mount(2) gives flags %#x, fsmount %#x", words, got, want)
			}
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Errorf("unmount: %v", err)
			}
		}
	})
}
