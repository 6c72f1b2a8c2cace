package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/source"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/thread"
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
}

// openToChange opens a container that lives, and locks it: op is what for.
func (h *Container) openToChange(ctx context.Context, op string) (_ *living, err error) {
	if err := h.unless(ctx, op); err != nil {
		return nil, err
	}
	if unprivileged() {
		return nil, errors.New("it takes root of the host: an ordinary user can't enter a container's mount namespace from outside")
	}
	h.r.raiseFileSize()
	l := new(living)
	if l.container, err = h.openLocked(ctx.Err); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	fd, err := l.container.pidfd()
	if errors.Is(err, unix.ESRCH) {
		return nil, cmp.Or(l.outOfSight(), ErrNotRunning)
	}
	if err != nil {
		return nil, err
	}
	l.pidfd = fdio.New(fd)
	b, err := l.config()
	if err != nil {
		return nil, err
	}
	l.spec = b.Spec
	l.opt = &plan.Options{ID: h.id, Bundle: b.Dir, Rootfs: b.Rootfs}
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
	l.container.close()
}

// edited is the container's configuration with something else in it.
func (l *living) edited(edit func(*specs.Spec)) *specs.Spec {
	s, linux := *l.spec, specs.Linux{}
	if s.Linux != nil {
		linux = *s.Linux
	}
	s.Linux, s.Mounts = &linux, slices.Clip(s.Mounts)
	edit(&s)
	return &s
}

// recordable is an error about a field that JSON can't hold, as in a config.json: it couldn't be found again by its record.
func recordable(fields map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if value := fields[name]; !utf8.ValidString(value) {
			return wrong(name, fmt.Sprintf("the %s isn't UTF-8, which is all that can be recorded: %.200q", name, value))
		}
	}
	return nil
}

// checked is the container's configuration with something more, which is a field of it then, or an error about that.
func (l *living) checked(field string, edit func(*specs.Spec)) (*specs.Spec, error) {
	s := l.edited(edit)
	err := spec.Validate(s)
	if problems := spec.Errors(nil); errors.As(err, &problems) {
		err = problems.Of(field)
	}
	if err != nil {
		return nil, typed(err)
	}
	return s, nil
}

// give takes what a plan says from outside, writes down which mount it is, and does the plan's step in the container's root, on a thread that is
// in the container's mount namespace if that is wanted. note gets the mount's id, 0 without one, before anything is attached: who dies then has left a
// record of what isn't there, which can be removed.
func (l *living) give(p *plan.Live, enter bool, note func(id uint64) error) error {
	var trees []step.Tree
	if p.Source != nil {
		tree, err := l.fetch(p)
		if err != nil {
			return err
		}
		trees = append(trees, step.Tree{FD: calls.Number(tree)})
	}
	uid, gid, err := l.rootIDs()
	if err != nil {
		return err
	}
	err = l.inMounts(enter, func(root int) error {
		k := new(calls.Kernel)
		env := step.NewEnv(k)
		env.Root, env.Trees = rootfs.Root{K: k, FD: calls.Number(root)}, trees
		defer func() {
			for _, t := range env.Trees {
				k.Close(t.FD) // what nobody has taken
			}
		}()
		if m, ok := p.Step.(*step.Mount); ok && m.From == step.FromRoot {
			m.Fetch(env)
		}
		if err := k.Flush(); err != nil {
			return err
		}
		id := uint64(0)
		if len(env.Trees) > 0 {
			var err error
			if id, err = mountID(env.Trees[0].FD.Int()); err != nil {
				return err
			}
		}
		if err := note(id); err != nil {
			return err
		}
		if enter {
			// What is made there is its root's: others' files can't be on file systems of a user namespace. These calls are the thread's, and
			// take nothing away that mounting needs.
			_ = unix.Setfsgid(gid)
			_ = unix.Setfsuid(uid)
		}
		p.Step.Run(env)
		(&step.LateReadonly{}).Run(env) // a tmpfs, which is written to before
		return k.Flush()
	})
	if err != nil {
		return fmt.Errorf("%s: %w", p.Step, err)
	}
	return nil
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
		own := source.Maker{Copy: true}
		tree, err = own.Open(p.Source)
		return err
	})
	if errors.Is(err, unix.EINVAL) && !p.Source.Recursive {
		// What has mounts on it that can't be unmounted is cloned only with them. Without, as it is asked for, it is the host's to clone.
		return maker.Open(p.Source)
	}
	return tree, err
}

// inMounts calls f with the root directory of the container's mount namespace, which is what an exec has too, whatever the init has
// made its own since; in that namespace if that is wanted.
func (l *living) inMounts(enter bool, f func(root int) error) error {
	mounts, err := l.ofInit(l.pidfd.FD(), "ns/mnt", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(mounts)
	root := -1
	err = apart(mounts, func() (err error) {
		if root, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil || !enter {
			return err
		}
		return f(root)
	})
	if err == nil && !enter {
		err = f(root)
	}
	if root >= 0 {
		unix.Close(root)
	}
	return err
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
	return thread.Do(func() error {
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(mounts, unix.CLONE_NEWNS)
		}
		if err != nil {
			return fmt.Errorf("join mount namespace: %w", err)
		}
		unix.Umask(0) // of this thread
		return f()
	})
}

// lookup opens a path in a container's root, whatever it is.
func lookup(root int, path string) (int, error) {
	k := new(calls.Kernel)
	fd, err := rootfs.Root{K: k, FD: calls.Number(root)}.Lookup(path)
	if err != nil {
		return -1, err
	}
	return fd.Int(), nil
}
