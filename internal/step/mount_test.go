package step

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMountNew(t *testing.T) {
	inBox(t, func(b *box) {
		for _, tt := range []struct {
			kind, target, words string
			want                []string
		}{
			{"tmpfs", "/new/dir", "size=64k mode=1777 nosuid", []string{" / ", "rw,nosuid,relatime", "- tmpfs tmpfs", "size=64k"}},
			{"tmpfs", "/ro", "ro noexec", []string{"ro,noexec", "- tmpfs tmpfs rw"}},
			{"tmpfs", "/rro", "rro", []string{" ro,relatime"}},
			{"proc", "/proc", "hidepid=2", []string{"- proc proc"}},
			{"tmpfs", "/shared", "shared", []string{"shared:"}},
			{"tmpfs", "/unbindable", "private unbindable", []string{"unbindable"}},
			{"devpts", "/dev/pts", "newinstance mode=0620 gid=5", []string{"- devpts"}},
		} {
			b.must(newMount(b.T, tt.kind, tt.target, tt.words))
			b.mounted(tt.target, tt.want...)
		}
		b.fails(newMount(b.T, "tmpfs", "/x", "size=much"), "tmpfs: Bad value for 'size': invalid argument")
		if st, err := os.Stat(b.root + "/new"); err != nil || st.Mode().Perm() != 0o755 {
			b.Errorf("the directory above: %v, %v", st, err)
		}
	})
}

// A tmpfs without mode= takes the mode of what it covers.
func TestMountMode(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/tmp/")
		if err := unix.Chmod(b.root+"/tmp", 0o1733); err != nil {
			b.Fatal(err)
		}
		m := newMount(b.T, "tmpfs", "/tmp", "size=32k")
		m.Mode = true
		b.must(m)
		var st unix.Stat_t
		if err := unix.Stat(b.root+"/tmp", &st); err != nil || st.Mode&0o7777 != 0o1733 {
			b.Errorf("mode = %#o, %v, want 1733", st.Mode, err)
		}
		if len(m.Options.Data) != 1 {
			b.Errorf("the step's options were changed: %q", m.Options.Data)
		}
		b.mounted("/tmp", "size=32k")
	})
}

// What is to be read-only may be filled until LateReadonly.
func TestMountLater(t *testing.T) {
	inBox(t, func(b *box) {
		for _, p := range []string{"/one", "/two"} {
			m := newMount(b.T, "tmpfs", p, "ro")
			m.Later = true
			b.must(m)
			b.mounted(p, " rw,")
		}
		b.must(newMount(b.T, "tmpfs", "/one/inner", ""))
		b.must(&LateReadonly{})
		for _, p := range []string{"/one", "/two"} {
			b.mounted(p, " ro,")
			if err := os.WriteFile(b.root+p+"/file", nil, 0o644); err == nil {
				b.Errorf("%s is writable", p)
			}
		}
		b.mounted("/one/inner", " rw,")
	})
}

func TestMountTree(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "src/sub/file", "src/file", "root/etc/resolv -> ../run/resolv", "root/up -> ../../../../upper")
		for _, tt := range []struct{ from, target, made string }{
			{"src", "/data/deep", "/data/deep/file"}, {"src/file", "/etc/hosts", "/etc/hosts"}, {"src/file", "/etc/resolv", "/run/resolv"}, {"src", "/up/here", "/upper/here/file"},
		} {
			b.must(&Mount{Target: tt.target, From: FromTree, Index: b.clone(b.dir + "/" + tt.from), Source: "/src", Fallback: -1})
			if got := b.read(tt.made); got != "src/file" {
				b.Errorf("%s holds %q", tt.made, got)
			}
		}
		if _, err := os.Lstat(b.dir + "/upper"); err == nil {
			b.Error("made outside of the root")
		}
		b.fails(&Mount{Target: "/x", From: FromTree, Index: 0}, "mount source 0: bad file descriptor") // taken above
		b.fails(&Mount{Target: "/x", From: FromTree, Index: 99}, "mount source 99: bad file descriptor")
		b.fails(&Mount{Target: "/etc/hosts", From: FromTree, Index: b.clone(b.dir + "/src")}, "make directory /etc/hosts: not a directory")
		b.fails(&Mount{Target: "/data", From: FromTree, Index: b.clone(b.dir + "/src/file")}, "make file /data: not a directory")
	})
}

// A file system is there already, its mount isn't.
func TestMountContext(t *testing.T) {
	inBox(t, func(b *box) {
		b.own(b.context("before"))
		b.must(&Mount{Target: "/before", From: FromContext, Kind: "tmpfs", Attr: unix.MOUNT_ATTR_NODEV})
		b.mounted("/before", "nodev", "- tmpfs before")
		b.fails(&Mount{Target: "/x", From: FromContext, Index: 0}, "mount source 0: bad file descriptor") // taken above
	})
}

func TestMountThere(t *testing.T) {
	inBox(t, func(b *box) {
		b.Contexts = []calls.FD{b.context("there")}
		b.must(&Mount{Target: "/there", From: FromThere, Kind: "proc", Attr: unix.MOUNT_ATTR_NODEV})
		b.mounted("/there", "nodev", "- tmpfs there")
		b.fails(&Mount{Target: "/x", From: FromThere}, "file system 0: bad file descriptor") // taken above
		b.fails(&Mount{Target: "/x", From: FromThere, Index: -1}, "file system -1: bad file descriptor")
	})
}

// context makes a tmpfs without a mount.
func (b *box) context(source string) calls.FD {
	b.Helper()
	fd := mount.Context(b.K, "tmpfs", source, option.Options{})
	if err := b.K.Flush(); err != nil {
		b.Fatal(err)
	}
	return fd
}

func TestRemount(t *testing.T) {
	inBox(t, func(b *box) {
		b.must(newMount(b.T, "tmpfs", "/a", "nosuid"))
		b.must(newMount(b.T, "tmpfs", "/a/b", ""))
		remount := func(target, words string) *Mount {
			m := newMount(b.T, "", target, words)
			m.From = FromMount
			return m
		}
		b.must(remount("/a", "remount ro nodev noatime suid"))
		b.mounted("/a", " ro,nodev,noatime")
		b.mounted("/a/b", " rw,relatime")
		b.must(remount("/a", "remount rw rnoexec rprivate"))
		b.mounted("/a", " rw,nodev,noexec,noatime")
		b.mounted("/a/b", " rw,noexec,relatime")
		b.fails(remount("/nothing", "remount ro"), "open /nothing: no such file or directory")
		testbed.Tree(b, b.dir, "root/plain/")
		b.fails(remount("/plain", "remount ro"), "change flags: invalid argument")
	})
}

// Options that fsconfig(2) doesn't take go by mount(2).
func TestMountLegacy(t *testing.T) {
	inBox(t, func(b *box) {
		var lower []string
		for _, n := range []string{"x", "y", "z"} {
			testbed.Tree(b, b.dir, strings.Repeat(n, 120)+"/"+n)
			lower = append(lower, filepath.Join(b.dir, strings.Repeat(n, 120)))
		}
		testbed.Tree(b, b.dir, "staging/")
		m := &Mount{
			Target: "/o", Kind: "overlay", Source: "overlay", Fallback: -1, Attr: unix.MOUNT_ATTR_NOSUID,
			Options: option.Options{Data: []string{"lowerdir=" + strings.Join(lower, ":")}},
		}
		b.fails(m, "option lowerdir is longer than 255 bytes")
		m.Staging = b.dir + "/staging"
		b.must(m)
		b.mounted("/o", "nosuid", "- overlay overlay")
		if got := b.read("/o/z"); !strings.HasSuffix(got, "/z") {
			b.Errorf("read %q", got)
		}
	})
}

// Nothing may take the place of the kernel's files.
func TestMountProc(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "src/file", "src/dir/", "root/link -> /proc", "root/plink -> /proc/swaps", "other/proc -> sys", "other/sys", "other/dir/")
		inside := func(p string) string { return `"` + p + `" cannot be mounted because it is inside /proc` }
		file := func(target string) *Mount {
			return &Mount{Target: target, From: FromTree, Index: b.clone(b.dir + "/src/file"), Fallback: -1}
		}
		b.fails(newMount(b.T, "tmpfs", "/proc", ""), inside("/proc"))
		b.fails(newMount(b.T, "tmpfs", "/x/../proc/.", ""), inside("/x/../proc/."))
		b.fails(&Mount{Target: "/proc", From: FromTree, Index: b.clone(b.dir + "/src/dir"), Fallback: -1}, inside("/proc"))
		b.must(newMount(b.T, "proc", "/proc", ""))
		b.must(newMount(b.T, "proc", "/proc", "")) // once more, over the first
		for _, p := range []string{"/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/uptime", "/proc/loadavg", "/proc/sys/kernel/ns_last_pid"} {
			b.must(file(p))
			if got := b.read(p); got != "src/file" {
				b.Errorf("%s holds %q", p, got)
			}
		}
		for _, p := range []string{"/proc/version", "/proc/self/attr/exec", "/proc/sys/kernel/hostname", "/proc/../proc/version", "/plink", "/link/swaps", "/link/version"} {
			b.fails(file(p), inside(p))
		}
		b.fails(newMount(b.T, "tmpfs", "/proc/sys", ""), inside("/proc/sys"))
		b.fails(newMount(b.T, "tmpfs", "/link", ""), inside("/link"))
		b.fails(newMount(b.T, "proc", "/proc/sys", ""), inside("/proc/sys"))
		b.fails(newMount(b.T, "proc", "/link", ""), `filesystem "proc" must be mounted on ordinary directory`)
		// An existing procfs may be bound there.
		b.must(&Mount{Target: "/proc", From: FromTree, Index: b.clone("/proc"), Fallback: -1})

		b.Root.FD = b.open(b.dir + "/other")
		b.fails(newMount(b.T, "proc", "/proc", ""), `filesystem "proc" must be mounted on ordinary directory`)
		b.fails(newMount(b.T, "sysfs", "/sys", ""), `filesystem "sysfs" must be mounted on ordinary directory`)
	})
}

func TestCopyUp(t *testing.T) {
	inBox(t, func(b *box) {
		b.roomy("a list of names")
		testbed.Tree(b, b.dir, "root/d/sub/deep/file", "root/d/link -> ../../nowhere", "root/d/pipe|", "root/d/empty/", "root/d/big", "outside")
		big := strings.Repeat("0123456789", 1<<17)
		stamp := time.Unix(1234567890, 987654321)
		must := func(err error) {
			b.Helper()
			if err != nil {
				b.Fatal(err)
			}
		}
		must(os.WriteFile(b.root+"/d/big", []byte(big), 0o600))
		must(os.Chown(b.root+"/d/big", 12, 34))
		must(os.Chmod(b.root+"/d/big", 0o4750|os.ModeSetuid))
		must(os.Chown(b.root+"/d/sub", 7, 8))
		must(os.Chmod(b.root+"/d/empty", 0o777|os.ModeSticky))
		must(unix.Mknod(b.root+"/d/null", unix.S_IFCHR|0o622, int(unix.Mkdev(1, 3))))
		must(os.Lchown(b.root+"/d/link", 5, 6))
		for _, n := range []string{"big", "sub", "sub/deep/file", "empty"} {
			must(os.Chtimes(b.root+"/d/"+n, stamp, stamp))
		}
		want := listing(b, b.root+"/d")
		m := newMount(b.T, "tmpfs", "/d", "tmpcopyup ro")
		m.Later = true
		b.must(m)
		b.mounted("/d", "- tmpfs")
		if got := listing(b, b.root+"/d"); got != want {
			b.Errorf("copied\n%s\nwant\n%s", got, want)
		}
		if b.read("/d/big") != big {
			b.Error("content differs")
		}
		b.must(&LateReadonly{})
		b.mounted("/d", " ro,")

		deep := "root/far"
		for range maxDepth + 1 {
			deep += "/d"
		}
		testbed.Tree(b, b.dir, deep+"/")
		err := b.do(newMount(b.T, "tmpfs", "/far", "tmpcopyup"))
		if err == nil || !strings.HasSuffix(err.Error(), unix.ELOOP.Error()) {
			b.Errorf("too deep a directory: %v", err)
		}
		if l := b.info("/far"); l != "" {
			b.Errorf("mounted after a failure: %s", l)
		}
	})
}

func num(n uint64) string { return strconv.FormatUint(n, 10) }

// listing describes everything below dir but the top itself.
func listing(b *box, dir string) string {
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		target, _ := os.Readlink(path)
		size := st.Size
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			size = 0
		}
		out.WriteString(strings.Join([]string{
			path[len(dir):], target, os.FileMode(st.Mode & 0o7777).String(),
			num(uint64(st.Mode)), num(uint64(size)), num(uint64(st.Uid)), num(uint64(st.Gid)), num(uint64(st.Rdev)), num(uint64(st.Mtim.Sec)), num(uint64(st.Mtim.Nsec)),
		}, " ") + "\n")
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return out.String()
}
