package libcontainer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/fdio"
	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/source"
	"github.com/rung-oci/rung/libcontainer/spec"
	"github.com/rung-oci/rung/libcontainer/state"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/thread"
	"github.com/rung-oci/rung/nsenter"
)

// A living is a container that gets something while it runs, or that something is taken from. Its lock is held.
type living struct {
	*container
	spec  *specs.Spec
	live  *state.Live
	host  *plan.Host
	opt   *plan.Options
	pidfd fdio.Own // the container's init
	root  fdio.Own // its root directory
}

// openToChange opens a container that lives, and locks it.
func (r *Runtime) openToChange(id string) (_ *living, err error) {
	if unprivileged() {
		return nil, errors.New("it takes root of the host: an ordinary user can't enter a container's mount namespace from outside")
	}
	r.raiseFileSize()
	l := new(living)
	if l.container, err = r.open(id, true); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	fd, err := l.container.pidfd()
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	l.pidfd = fdio.New(fd)
	if fd, err = l.rootDir(l.pidfd.FD()); err != nil {
		return nil, err
	}
	l.root = fdio.New(fd)
	b, err := l.config()
	if err != nil {
		return nil, err
	}
	l.spec = b.Spec
	l.opt = &plan.Options{ID: id, Bundle: b.Dir, Rootfs: b.Rootfs}
	layout, err := cgroups.Detect()
	if err != nil {
		return nil, err
	}
	if l.host, err = host(layout, l.record.Cgroups, joinedByInit(l.spec)); err != nil {
		return nil, err
	}
	l.live, err = l.entry.Live()
	return l, err
}

func (l *living) close() {
	l.pidfd.Close()
	l.root.Close()
	l.container.close()
}

// checked is the container's configuration with one more mount, or an error about that.
func (l *living) checked(edit func(*specs.Spec)) (*specs.Spec, error) {
	s, linux := *l.spec, specs.Linux{}
	if s.Linux != nil {
		linux = *s.Linux
	}
	s.Linux, s.Mounts = &linux, slices.Clip(s.Mounts)
	edit(&s)
	if err := spec.Validate(&s); err != nil {
		return nil, err
	}
	return &s, nil
}

// give takes what a plan says from outside and does its step in the container's root, on a thread that is in the container's mount
// namespace if that is wanted. It returns the id of the mount that was attached at a path, if one was.
func (l *living) give(p *plan.Live, enter bool, at string) (id uint64, err error) {
	tree := -1
	if p.Source != nil {
		if tree, err = l.fetch(p); err != nil {
			return 0, err
		}
		if id, err = mountID(tree); err != nil {
			unix.Close(tree)
			return 0, err
		}
	}
	err = l.inMounts(enter, func() error {
		k := new(calls.Kernel)
		env := step.NewEnv(k)
		env.Root = rootfs.Root{K: k, FD: calls.Number(l.root.FD())}
		if tree >= 0 {
			env.Trees = []step.Tree{{FD: calls.Number(tree)}}
		}
		p.Step.Run(env)
		(&step.LateReadonly{}).Run(env) // a tmpfs, which is written to before
		err := k.Flush()
		if tree >= 0 && len(env.Trees) > 0 && !env.Trees[0].FD.None() {
			unix.Close(tree) // nobody has taken it
		}
		if err == nil && id == 0 && enter {
			id, err = l.mountAt(at)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.Step, err)
	}
	return id, nil
}

// fetch makes the mount that a plan takes from outside, attached nowhere.
func (l *living) fetch(p *plan.Live) (tree int, err error) {
	maker := new(source.Maker)
	defer maker.Close()
	if !p.Locked {
		return maker.Open(p.Source)
	}
	user, err := l.ofInit(l.pidfd.FD(), "ns/user", unix.O_RDONLY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(user)
	holder, err := nsenter.HoldMounts(user)
	if err != nil {
		return -1, err
	}
	defer holder.Release()
	mounts, err := unix.Openat(l.container.host.FD, proc.PID(holder.PID, "ns/mnt"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open mount namespace: %w", err)
	}
	defer unix.Close(mounts)
	err = apart(mounts, func() error {
		tree, err = maker.Open(p.Source)
		return err
	})
	if errors.Is(err, unix.EINVAL) && !p.Source.Recursive {
		// What has mounts on it that can't be unmounted is cloned only with them. Without, as it is asked for, it is the host's to clone.
		return maker.Open(p.Source)
	}
	return tree, err
}

// inMounts calls f, in the container's mount namespace if that is wanted.
func (l *living) inMounts(enter bool, f func() error) error {
	if !enter {
		return f()
	}
	mounts, err := l.ofInit(l.pidfd.FD(), "ns/mnt", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(mounts)
	uid, gid, err := l.rootIDs()
	if err != nil {
		return err
	}
	return apart(mounts, func() error {
		// What is made there is its root's: others' files can't be on file systems of a user namespace. These calls are the thread's, and take
		// nothing away that mounting needs.
		_ = unix.Setfsgid(gid)
		_ = unix.Setfsuid(uid)
		return f()
	})
}

// rootIDs are who root of the container is on the host.
func (l *living) rootIDs() (uid, gid int, err error) {
	for name, id := range map[string]*int{"uid_map": &uid, "gid_map": &gid} {
		text, err := l.container.host.ReadFile(proc.PID(l.record.PID, name), maxMaps)
		if err != nil {
			return 0, 0, err
		}
		for line := range strings.Lines(string(text)) {
			var inside, outside, size int
			if _, err := fmt.Sscan(line, &inside, &outside, &size); err == nil && inside == 0 {
				*id = outside
			}
		}
	}
	return uid, gid, nil
}

// maxMaps bounds what is read of uid_map.
const maxMaps = 64 << 10

// apart calls f on a thread in a mount namespace, which ends with it. The thread is in no other namespace of the container's, so that nobody there
// sees it.
func apart(mounts int, f func() error) error {
	done := make(chan error, 1)
	go thread.Own(func() {
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(mounts, unix.CLONE_NEWNS)
		}
		if err != nil {
			err = fmt.Errorf("join mount namespace: %w", err)
		} else {
			unix.Umask(0) // of this thread
			err = f()
		}
		done <- err
	})
	return <-done
}

// mountAt is the id of the mount that is at a path in the container's root.
func (l *living) mountAt(path string) (uint64, error) {
	fd, err := l.lookup(path)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return mountID(fd)
}

// lookup opens a path in the container's root, whatever it is.
func (l *living) lookup(path string) (int, error) {
	k := new(calls.Kernel)
	fd, err := rootfs.Root{K: k, FD: calls.Number(l.root.FD())}.Lookup(path)
	if err != nil {
		return -1, err
	}
	return fd.Int(), nil
}

// unmount takes the mount with an id away that is at a path in the container's root. What others have mounted there since isn't ours.
func (l *living) unmount(path string, id uint64) error {
	return l.inMounts(true, func() error {
		fd, err := l.lookup(path)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		switch now, err := mountID(fd); {
		case err != nil:
			return err
		case now != id:
			return fmt.Errorf("unmount %s: %w", path, errOther)
		}
		// By its descriptor, which no path of the container's leads to. The thread's root is the container's, its working directory the host's procfs.
		if err := unix.Fchdir(l.container.host.FD); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
		if err := unix.Unmount(fmt.Sprintf("thread-self/fd/%d", fd), unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
		return nil
	})
}

var errOther = errors.New("what is mounted there isn't what was added: it was unmounted or covered in the container")
