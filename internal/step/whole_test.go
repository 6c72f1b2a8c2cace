package step

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/testbed"
)

// run runs steps as the builder does, which waits for none of them. The error isn't kept.
func (b *box) run(steps ...Step) error {
	return b.K.Try(func() {
		for _, s := range steps {
			b.K.Step(s)
			if s.Run(b.Env); b.K.Err() != nil {
				break
			}
		}
	})
}

// What steps queue together becomes the same root filesystem whoever makes the calls.
func TestWhole(t *testing.T) {
	var want string
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/etc/passwd", "root/tmp/", "root/etc/mtab -> /proc/mounts", "root/secret/key", "root/usr/bin/sh", "root/var/run -> /run", "src/deep/file", "hosts")
		if err := unix.Chmod(b.root+"/tmp", 0o1777); err != nil {
			b.Fatal(err)
		}
		asked(b, nil)
		tmp := newMount(b.T, "tmpfs", "/tmp", "nosuid nodev size=64k")
		tmp.Mode = true
		late := newMount(b.T, "tmpfs", "/filled", "ro")
		late.Later = true
		again := newMount(b.T, "", "/tmp", "remount noexec nosuid")
		again.From = FromMount
		tree := func(path, target string) Step {
			return &Mount{Target: target, From: FromTree, Index: b.clone(b.dir + path), Source: path, Fallback: -1}
		}
		steps := []Step{
			&OpenSysctls{From: SysctlsClone},
			&EnterRoot{Path: b.root, Tree: b.clone(b.root), Propagation: unix.MS_SLAVE},
			newMount(b.T, "proc", "/proc", "nosuid nodev noexec"), newMount(b.T, "tmpfs", "/dev", "nosuid mode=755 size=64k"),
			newMount(b.T, "devpts", "/dev/pts", "newinstance ptmxmode=0666 mode=0620"), newMount(b.T, "tmpfs", "/dev/shm", "nosuid mode=1777"),
			tmp, late, tree("/src", "/filled/inside/it"), tree("/hosts", "/etc/hosts"), tree("/hosts", "/var/run/a/b/hosts"), tree("/hosts", "/proc/uptime"), again,
			&Mount{Target: "/twice", From: FromRoot, Tree: Source{What: "/etc at /twice", Path: "/etc", Recursive: true}, Fallback: -1},
		}
		for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9} {
			steps = append(steps, &Device{rootfs.Node{Path: "/dev/" + name, Mode: unix.S_IFCHR | 0o666, Rdev: unix.Mkdev(1, minor), UID: int(minor)}})
		}
		steps = append(steps, &BindDevice{Path: "/dev/bound", Tree: b.clone("/dev/null")})
		for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "ptmx": "pts/ptmx", "core": "/proc/kcore"} {
			steps = append(steps, &Link{Path: "/dev/" + name, Target: target})
		}
		steps = append(steps, &Console{Width: 80, Height: 25, Bind: true}, &Cwd{"/srv/work/dir"}, &LateReadonly{}, &Pivot{}, &Sysctl{Path: "kernel/domainname", Value: "whole"})
		for _, p := range []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/usr", "/missing", "/etc/hosts"} {
			steps = append(steps, &Readonly{p})
		}
		null := b.clone("/dev/null")
		for _, p := range []string{"/proc/asound", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/missing", "/secret", "/sys/firmware", "/etc/passwd", "/proc/acpi", "/twice/passwd", "/var/run/a"} {
			steps = append(steps, &Mask{Path: p, Null: null, Dir: -1})
		}
		if err := b.run(append(steps, &Finish{Readonly: true})...); err != nil {
			b.Fatal(err)
		}
		mounts := mountsOf(b)
		if !clonesDetached(b) {
			// The first mask of a directory is the mount itself that others are clones of, made when a first process
			// begins with masks; and mounts are listed in the order of their making.
			lines := strings.SplitAfter(mounts, "\n")
			slices.Sort(lines)
			mounts = strings.Join(lines, "")
		}
		got := mounts + filesOf(b)
		if want == "" {
			want = got
		}
		if got != want {
			b.Errorf("made\n%s\nwant\n%s", got, want)
		}
		for _, part := range []string{" /root / ro,", "/filled/inside/it ", "/dev/console", "/srv/work/dir", "/dev/stdin Lrwxrwxrwx /proc/self/fd/0"} {
			if !strings.Contains(got, part) {
				b.Errorf("no %q in\n%s", part, got)
			}
		}
	})
}

// clonesDetached tells whether the kernel clones mounts that are attached nowhere: Linux 6.15.
func clonesDetached(b *box) bool {
	b.Helper()
	tree, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(tree)
	clone, err := unix.OpenTree(tree, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err == nil {
		unix.Close(clone)
	}
	return err == nil
}

var counted = regexp.MustCompile(`(shared|master|propagate_from):\d+`)

// mountsOf are the lines of mountinfo without their numbers.
func mountsOf(b *box) string {
	b.Helper()
	var out strings.Builder
	for l := range strings.Lines(b.mountinfo()) {
		out.WriteString(" " + strings.Join(strings.Fields(counted.ReplaceAllString(l, "$1"))[3:], " ") + "\n")
	}
	return out.String()
}

// filesOf lists what there is in the root but in file systems of the kernel's.
func filesOf(b *box) string {
	b.Helper()
	var out strings.Builder
	err := filepath.WalkDir("/", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "/proc" {
			return filepath.SkipDir
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		target, _ := os.Readlink(path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		out.WriteString(strings.Join([]string{path, info.Mode().String(), target, num(uint64(st.Uid)), num(uint64(st.Rdev))}, " ") + "\n")
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return out.String()
}

// An error is that of the step which it belongs to, and nothing comes behind it, however much has
// been queued by then.
func TestWholeFails(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/file", "root/dev/dir/", "root/link -> /file", "root/dev/link -> zero")
		b.must(&OpenSysctls{From: SysctlsClone})
		for what, tt := range map[string]struct {
			bad  Step
			want string
		}{
			"not a directory": {newMount(b.T, "tmpfs", "/file/x", ""), "make directory /file/x: not a directory"},
			"option":          {newMount(b.T, "tmpfs", "/x", "size=much"), "tmpfs: Bad value for 'size': invalid argument"},
			"kind":            {newMount(b.T, "nothing", "/x", ""), `this kernel has no file system "nothing": no such device`},
			"proc":            {newMount(b.T, "proc", "/link", ""), `filesystem "proc" must be mounted on ordinary directory`},
			"device":          {&Device{rootfs.Node{Path: "/file", Mode: unix.S_IFCHR | 0o666, Rdev: unix.Mkdev(1, 3)}}, "exists and is another kind of file"},
			"bound device":    {&BindDevice{Path: "/dev/link", Tree: b.clone("/dev/null")}, "is a symbolic link: too many levels of symbolic links"},
			"no tree":         {&BindDevice{Path: "/dev/x", Tree: 99}, "mount source 99: bad file descriptor"},
			"link":            {&Link{Path: "/dev/dir", Target: "x", Replace: true}, "replace /dev/dir: is a directory"},
			"readonly":        {&Readonly{"/file/x"}, "open /file/x: not a directory"},
			"mask":            {&Mask{Path: "/file/x", Null: b.clone("/dev/null"), Dir: -1}, "open /file/x: not a directory"},
			"sysctl":          {&Sysctl{Path: "kernel/nothing", Value: "1"}, "open /proc/sys/kernel/nothing: no such file or directory"},
			"console":         {&Console{}, "open /dev/pts: no such file or directory"},
			"root":            {&Finish{Readonly: true}, "set root read-only: invalid argument"},
			"inside":          {&Mount{Target: "/x", From: FromRoot, Tree: Source{What: "x", Path: "/nothing"}, Fallback: -1}, "open /nothing: no such file or directory"},
		} {
			err := b.run(&Cwd{"/a/" + what}, &Link{Path: "/a/link", Target: "x"}, tt.bad, &Device{rootfs.Node{Path: "/after", Mode: unix.S_IFIFO | 0o600}})
			if err == nil || err.Error() != tt.want {
				b.Errorf("%s: %v, want %s", what, err, tt.want)
			}
			var failed *calls.Error
			if !errors.As(err, &failed) || failed.Step != tt.bad {
				b.Errorf("%s: the error isn't of the step: %+v", what, failed)
			}
			if _, err := os.Stat(b.root + "/a/" + what); err != nil {
				b.Errorf("%s: %v", what, err)
			}
			if _, err := os.Lstat(b.root + "/after"); err == nil {
				b.Fatalf("%s: what comes behind it is done", what)
			}
		}
	})
}
