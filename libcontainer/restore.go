package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/nsenter"
)

// RestoreOptions say how a container is made of images.
type RestoreOptions struct {
	CreateOptions
	CRIUOptions

	NoSubreaper  bool
	CloseTCP     bool   // TCP connections are closed
	Profile      string // TYPE:NAME, for the label of the processes; "": the one they had
	MountContext string // SELinux label of the mounts; "": the one they had
}

// Restore has CRIU make a container of the images of a checkpoint, with cgroups and state as of Create; unless it is to be detached it then does what
// Run does. When it fails, or the context is done, nothing is left.
func (r *Runtime) Restore(ctx context.Context, o *RestoreOptions) (ExitStatus, error) {
	o = given(o)
	stop, err := cancel.Of(ctx)
	if err != nil {
		return 1, fmt.Errorf("restore container %s: %w", o.ID, err)
	}
	defer stop.Close()
	program, err := criuProgram()
	if err != nil {
		return 1, fmt.Errorf("restore: %w", err)
	}
	c, err := r.begin(&o.CreateOptions, nil, stop)
	if err != nil {
		return 1, typed(err)
	}
	status, err := r.restore(ctx, c, o, program)
	return status, givenUp(err, stop.Err(), "nothing is left of container "+o.ID)
}

// restore restores what has begun.
func (r *Runtime) restore(ctx context.Context, c *creation, o *RestoreOptions, program string) (status ExitStatus, err error) {
	rest := &restoration{creation: c, opt: o, program: program}
	defer rest.close()
	if err := checkTerminal(c.terminal(), o.Detach, o.ConsoleSocket); err != nil {
		return 1, err
	}
	if o.Detach {
		if err := rest.restore(); err != nil {
			return 0, typed(err)
		}
		c.streams.start()
		c.tend()
		return 0, nil
	}
	f, err := c.foreground(&o.CreateOptions, o.NoSubreaper)
	if err != nil {
		return 1, err
	}
	defer f.close()
	if err := rest.restore(); err != nil {
		return 1, typed(err)
	}
	pidfd, err := unix.PidfdOpen(c.record.PID, 0)
	if err != nil {
		return 1, fmt.Errorf("open pidfd: %w", err)
	}
	defer unix.Close(pidfd)
	return c.attend(ctx, f, pidfd, false)
}

// A restoration is a container on its way out of images.
type restoration struct {
	*creation
	opt     *RestoreOptions
	program string

	dirs    criuDirs
	handed  []criu.InheritFD // what stands for something in the images
	null    fdio.Own
	mounts  *plan.Restoration
	inherit []int // see criu.Start
	client  *criu.Client
	root    string // for CRIU, in its mount namespace
	pairs   []criu.Pair
	wanted  []string    // what the images call mounts from outside
	cgroups string      // see criu.Options.CgroupYard
	given   bool        // the terminal has gone to who wants it
	init    spawn.Child // once it is known
}

func (r *restoration) close() {
	r.creation.close()
	r.dirs.close()
	r.null.Close()
}

// restore does it. What it leaves on failure, close takes back.
func (r *restoration) restore() (err error) {
	if err := r.openStreams(); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	if err := r.sockets.connect(r.creation.opt.ConsoleSocket, r.creation.opt.PidfdSocket); err != nil {
		return err
	}
	if err := r.decide(); err != nil {
		return err
	}
	if err := r.strict(); err != nil {
		return err
	}
	if err := r.claim(); err != nil {
		return err
	}
	if err := r.markStarted(); err != nil {
		return err
	}
	if err := r.manager.Protect(); err != nil {
		return err
	}
	if err := r.start(); err != nil {
		return err
	}
	err = r.ask()
	r.client.Close()
	if err == nil {
		err = r.complete()
	}
	if err != nil {
		return explainOOM(err, r.manager, r.configured())
	}
	r.undo.keep()
	return nil
}

// check looks at the images, as far as that is ours to do.
func (r *restoration) check() (err error) {
	if r.dirs, err = r.opt.openDirs(false, "restore.log"); err != nil {
		return err
	}
	if err := unix.Faccessat(r.dirs.images.FD(), "inventory.img", unix.R_OK, 0); err != nil {
		return fmt.Errorf("image directory %s: there are no images of CRIU's in it: inventory.img: %w", r.opt.Images, err)
	}
	names, err := readDescriptors(r.dirs.images.FD())
	if err != nil {
		return err
	}
	for fd, name := range names {
		// What was a pipe from outside is now what we have in its place. Beyond the standard streams only what our caller hands on
		// is meant.
		if strings.HasPrefix(name, "pipe:") && fd < 3+r.preserve() {
			r.handed = append(r.handed, criu.InheritFD{Key: name, Index: len(r.inherit)})
			r.inherit = append(r.inherit, r.stream(fd))
		}
	}
	outer, err := readOuter(r.dirs.images.FD())
	if err != nil {
		return err
	}
	r.wanted = outer.Mounts
	if err := r.hand(outer.Files); err != nil {
		return err
	}
	r.dirs.forget()
	return r.dirs.openConfig(r.bundle.Spec.Annotations)
}

// strict finds cgroups that have no business to be there, if there must be none. CRIU can't: by then we
// have made them, with the limits of the configuration.
func (r *restoration) strict() error {
	if r.opt.Cgroups != CgroupsStrict {
		return nil
	}
	for _, dir := range r.loc {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cgroup %s: %w: in strict mode a restore makes all itself", dir, cmp.Or(err, fs.ErrExist))
		}
	}
	return nil
}

// stream is a descriptor of the container's as our caller gives it.
func (r *restoration) stream(fd int) int {
	s := r.creation.streams
	if list := s.list(); fd < len(list) {
		return list[fd]
	}
	if i := fd - 3; i >= 0 && i < len(s.extra) {
		return s.extra[i]
	}
	return fd
}

// hand has CRIU get what we have in the place of files that weren't the container's.
func (r *restoration) hand(files []outerFile) (err error) {
	for _, f := range files {
		fd := r.stream(max(f.Stream, 0))
		if f.Stream < 0 {
			if !r.null.Open() {
				if r.null, err = fdio.Of(unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)); err != nil {
					return fmt.Errorf("open /dev/null: %w", err)
				}
			}
			fd = r.null.FD()
		}
		r.handed = append(r.handed, criu.InheritFD{Key: f.Key, Index: len(r.inherit)})
		r.inherit = append(r.inherit, fd)
	}
	return nil
}

// decide finds out what has to be there.
func (r *restoration) decide() error {
	opt, err := r.look()
	if err != nil {
		return err
	}
	r.plan = new(plan.Plan)
	r.mounts, err = plan.Restore(r.bundle.Spec, r.facts, opt)
	return err
}

// markStarted makes the progress record of a container whose program runs.
func (r *restoration) markStarted() error {
	progress, err := fdio.Of(r.entry.MakeFile(state.ProgressName))
	if err != nil {
		return err
	}
	defer progress.Close()
	return nsenter.EndProgress(progress.FD())
}

// start starts CRIU in the container's cgroups, and in a mount namespace that goes with it and has the container's mounts from outside.
func (r *restoration) start() error {
	for i := range r.joined {
		for _, x := range externals {
			if plan.Flag(x.kind) == r.joined[i].flag {
				r.handed = append(r.handed, criu.InheritFD{Key: x.key, Index: len(r.inherit)})
				r.inherit = append(r.inherit, r.joined[i].fd)
			}
		}
	}
	if err := r.startApart(); err != nil {
		return err
	}
	r.undo.push(r.end)
	entry, err := r.manager.Entry()
	if err == nil {
		err = addTasks(entry, r.resctrl)
		if err == nil {
			err = enter(entry, r.client.PID)
		}
		entry.Close()
	}
	if err != nil {
		return fmt.Errorf("move criu to the container's cgroup: %w", err)
	}
	return r.client.Greet()
}

// end ends CRIU and what it has restored.
func (r *restoration) end() {
	r.client.Kill()
	r.client.Close()
	if r.init.PID > 0 {
		r.init.Kill()
	}
	_ = r.manager.Kill()
}

// ask has CRIU restore the container.
func (r *restoration) ask() error {
	o := r.opt.common(&r.dirs)
	o.Root, o.Mounts, o.Inherit = r.root, r.pairs, r.handed
	o.CgroupYard = r.cgroups
	o.Sibling, o.EvasiveDevices, o.CloseTCP = true, true, r.opt.CloseTCP
	o.Profile, o.MountContext = r.opt.Profile, r.opt.MountContext
	var err error
	if o.Cgroups == criu.CgroupStrict {
		o.Cgroups = criu.CgroupFull // see strict
	}
	if o.CgroupRoots, err = r.cgroupRoots(); err != nil {
		return err
	}
	if o.Join, err = r.joins(); err != nil {
		return err
	}
	w := watch{host: *r.host, pid: r.client.PID}
	p := r.opt.patience(func() uint64 {
		pids, _ := r.manager.Pids(true)
		return w.read(pids)
	})
	r.r.debug("criu %s restores from %s", criu.VersionText(r.client.Version), r.opt.Images)
	resp, err := r.client.Ask(&criu.Request{Type: criu.Restore, Options: o}, r.notified, p)
	if err != nil {
		return r.dirs.explain(err)
	}
	if r.record == nil || resp.PID != r.record.PID {
		return fmt.Errorf("criu has restored process %d without a word", resp.PID)
	}
	return nil
}

// notified does what is to be done while CRIU waits.
func (r *restoration) notified(script string, pid int, fds []int) error {
	fault.Point("restore:" + script)
	switch script {
	case "setup-namespaces":
		r.init.PID = pid
		return r.setUp(pid)
	case "post-restore":
		r.init.PID = pid
		return r.write(pid)
	case "orphan-pts-master":
		if len(fds) == 0 {
			return errors.New("criu has made a terminal, and hasn't handed it over")
		}
		if !r.terminal() || r.given {
			r.r.warn("a terminal that the images have hangs up: it was that of an exec")
			return nil
		}
		r.given = true
		master := fds[0]
		fds[0] = -1
		return r.takeConsole(master)
	}
	return nil
}

// setUp completes the namespaces of the tree's root, which does nothing yet: network, and the hooks that runc runs here.
func (r *restoration) setUp(pid int) error {
	s := r.bundle.Spec
	if plan.Network(s, r.facts) && !r.opt.FullNetwork {
		if err := r.network(pid); err != nil {
			return err
		}
	}
	if s.Linux != nil && len(s.Linux.NetDevices) > 0 {
		if err := r.netDevices(pid); err != nil {
			return err
		}
	}
	if s.Hooks == nil {
		return nil
	}
	return r.hostHooks(pid)
}

// write writes down that the container exists, before its processes go on.
func (r *restoration) write(pid int) error {
	st, err := r.host.Stat(pid)
	if err != nil {
		return err
	}
	serial, err := proc.Serial(pid)
	if err != nil {
		return err
	}
	if pids, err := r.manager.Pids(true); err != nil || len(r.loc) > 0 && !slices.Contains(pids, pid) {
		return fmt.Errorf("criu has restored process %d outside of the container's cgroup %s: %w", pid, r.loc, errors.Join(err))
	}
	r.record = r.newRecord(pid, st.Start, serial)
	if err := r.entry.WriteIdentity(r.record); err != nil {
		return err
	}
	return r.entry.WriteRecord(r.record)
}

// complete does what create does when the container exists.
func (r *restoration) complete() error {
	if err := r.manager.Born(); err != nil {
		return err
	}
	if err := r.sockets.sendPidfd(r.record.PID); err != nil {
		return err
	}
	fault.Point("restore:done")
	return writePidFile(r.creation.opt.PidFile, r.record.PID)
}
