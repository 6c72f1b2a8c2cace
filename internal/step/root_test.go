package step

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestEnterRoot(t *testing.T) {
	for _, tt := range []struct {
		propagation uint64
		want        string // of the namespace's other mounts
	}{{unix.MS_PRIVATE, ""}, {unix.MS_SLAVE, ""}, {unix.MS_SHARED, "shared:"}} {
		inBox(t, func(b *box) {
			testbed.Tree(b, b.dir, "root/file", "beside/")
			if err := unix.Mount("tmpfs", b.dir+"/beside", "tmpfs", 0, ""); err != nil {
				b.Fatal(err)
			}
			b.must(&EnterRoot{Path: b.root, Tree: b.clone(b.root), Propagation: tt.propagation})
			b.mounted("", "/root ")
			b.mounted("../beside", tt.want)
			if line := b.info("../beside"); tt.want == "" && strings.Contains(line, "shared:") {
				b.Errorf("propagation %#x: %s", tt.propagation, line)
			}
			if fields := strings.Fields(b.info("..")); strings.HasPrefix(fields[6], "shared:") {
				b.Errorf("the mount above the root is shared: %v", fields) // pivot_root refuses that
			}
			b.must(newMount(b.T, "tmpfs", "/m", ""))
			b.mounted("/m", "- tmpfs")
			b.must(&Pivot{}) // as the last test of a good root
		})
	}
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "other/")
		b.fails(&EnterRoot{Path: b.root, Tree: b.clone(b.dir + "/other"), Propagation: unix.MS_SLAVE}, unix.ESTALE.Error())
		b.K.Close(b.Root.FD)
		b.fails(&EnterRoot{Path: b.root, Tree: 7, Propagation: unix.MS_SLAVE}, "mount source 7: bad file descriptor")
		b.fails(&EnterRoot{Path: b.dir + "/nothing", Propagation: unix.MS_SLAVE}, "open: no such file or directory")
	})
}

// pivoted checks that "/" of who makes the calls is the container's root, the file before, and nothing
// else is there.
func pivoted(b *box, before *unix.Stat_t) {
	b.Helper()
	for path, want := range map[string]error{"/": nil, "/marker": nil, "/../../marker": nil, "/root": unix.ENOENT, b.dir: unix.ENOENT} {
		fd, err := b.K.Openat("", calls.At, path, unix.O_PATH, 0).Open()
		if !errors.Is(err, want) {
			b.Errorf("open %s = %v, want %v", path, err, want)
		}
		if err != nil {
			continue
		}
		if st := b.stat(fd); path == "/" && (st.Ino != before.Ino || st.Dev != before.Dev) {
			b.Error("/ isn't the container's root")
		}
		b.K.Close(fd)
	}
	buf := calls.NewBuf(100)
	n, err := b.K.Call("", unix.SYS_GETCWD, buf.Out(), calls.Int(len(buf.Bytes))).Now()
	if err != nil || string(buf.Bytes[:max(n-1, 0)]) != "/" {
		b.Errorf("working directory %q, %v, want /", buf.Bytes[:max(n-1, 0)], err)
	}
}

// stat looks at what the steps have open.
func (b *box) stat(fd calls.FD) *unix.Stat_t {
	b.Helper()
	st := new(unix.Stat_t)
	if err := unix.Fstat(b.fetch(fd), st); err != nil {
		b.Fatal(err)
	}
	return st
}

func TestPivot(t *testing.T) {
	for name, s := range map[string]Step{"pivot": &Pivot{}, "move": &MoveRoot{Hide: []string{"/proc", "/sys", "/nonexistent"}}} {
		t.Run(name, func(t *testing.T) {
			inBox(t, func(b *box) {
				testbed.Tree(b, b.dir, "root/marker", "root/proc/")
				b.must(&EnterRoot{Path: b.root, Tree: b.clone(b.root), Propagation: unix.MS_SLAVE})
				st := b.stat(b.Root.FD)
				b.must(s)
				pivoted(b, st)
				// Later steps go on with the same root.
				b.must(newMount(b.T, "proc", "/proc", ""))
				b.must(&Finish{Readonly: true, Propagation: unix.MS_UNBINDABLE})
				text := b.mountinfo()
				lines := strings.Split(strings.TrimSpace(text), "\n")
				if !strings.Contains(text, " / ro,relatime unbindable") {
					b.Errorf("the root isn't read-only and unbindable: %s", text)
				}
				if strings.Count(text, " unbindable") != 1 {
					b.Errorf("not the root alone is unbindable: %s", text)
				}
				b.must(&Finish{Propagation: unix.MS_UNBINDABLE, Recursive: true})
				if all := b.mountinfo(); strings.Count(all, " unbindable") != len(lines) {
					b.Errorf("not all mounts are unbindable: %s", all)
				}
				if len(lines) != 2 { // root and proc: the host's tree is gone, or out of sight
					b.Errorf("%d mounts are left: %s", len(lines), text)
				}
			})
		})
	}
	inBox(t, func(b *box) { // a root that isn't a mount can't be pivoted to
		b.fails(&Pivot{}, "pivot_root: invalid argument")
	})
}

func TestKeepRoot(t *testing.T) {
	inBox(t, func(b *box) {
		b.must(&KeepRoot{})
		if len(b.Late) != 1 || b.stat(b.Late[0]).Ino != b.stat(b.Root.FD).Ino || b.Late[0].Int() == b.Root.FD.Int() {
			b.Errorf("handed over: %v", b.Late)
		}
	})
}

func TestUseRoot(t *testing.T) {
	inBox(t, func(b *box) {
		b.nearOnly("a first process that makes the calls has a mount namespace of its own, and a root that is made for it")
		testbed.Tree(b, b.dir, "root/file")
		b.must(&UseRoot{b.root})
		if fd, err := b.Root.Lookup("/file"); err != nil {
			b.Error(err)
		} else {
			b.K.Close(fd)
		}
		b.K.Close(b.Root.FD)
		b.fails(&UseRoot{b.root + "/file"}, "open: not a directory")
		b.fails(&UseRoot{b.root + "/nothing"}, "open: no such file or directory")
	})
}

// Under a shared root the namespace's mounts are peers of the host's: letting
// the old tree go must not unmount the host's.
func TestPivotKeepsHost(t *testing.T) {
	inBox(t, func(host *box) {
		testbed.Tree(host, host.dir, "root/marker", "other/")
		err := unix.Mount("tmpfs", host.dir+"/other", "tmpfs", 0, "")
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, "")
		}
		if err != nil {
			host.Fatal(err)
		}
		before := strings.Count(host.mountinfo(), "\n")
		ns, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			host.Fatal(err)
		}
		defer unix.Close(ns)
		testbed.Thread(host, 0, func() {
			if err := buildIn(host, ns); err != nil {
				host.Fatal(err)
			}
		})
		if after := strings.Count(host.mountinfo(), "\n"); after != before {
			host.Errorf("the host has %d mounts, before %d", after, before)
		}
	})
}

// buildIn has the calling thread, or a process of its own, pivot in a copy of a mount namespace.
func buildIn(host *box, ns int) error {
	err := unix.Setns(ns, unix.CLONE_NEWNS)
	if err == nil {
		err = unix.Unshare(unix.CLONE_NEWNS)
	}
	if err != nil {
		return err
	}
	k, _, end := host.by.kernel(host.T)
	defer end()
	e := NewEnv(k)
	e.Trees = []Tree{{FD: mount.Clone(k, "", calls.At, host.root, true).FD()}}
	mount.SetPropagation(k, "", e.Trees[0].FD, unix.MS_PRIVATE, true)
	for _, s := range []Step{&EnterRoot{Path: host.root, Propagation: unix.MS_SHARED}, &Pivot{}} {
		s.Run(e)
	}
	k.Close(e.Root.FD)
	return k.Flush()
}
