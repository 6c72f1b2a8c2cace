package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// Create makes a container whose first process is set up and waits for [Container.Start]: else it is [ErrExist] if the id is taken, a [*ConfigError] if the
// configuration isn't right, a [*StepError] if the kernel refuses something, or the context's, and nothing is left.
func (r *Runtime) Create(ctx context.Context, o *CreateOptions) (*Container, error) {
	o = given(o)
	stop, err := cancel.Of(ctx)
	if err != nil {
		return nil, fmt.Errorf("create container %s: %w", o.ID, err)
	}
	defer stop.Close()
	h, err := r.createOnly(o, stop)
	return h, givenUp(err, stop.Err(), "nothing is left of container "+o.ID)
}

func (r *Runtime) createOnly(o *CreateOptions, stop *cancel.Signal) (*Container, error) {
	c, err := r.begin(o, nil, stop)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := checkTerminal(c.terminal(), o.Detach || o.ConsoleSocket != "", o.ConsoleSocket); err != nil {
		return nil, err
	}
	h := &Container{r: r, id: o.ID}
	if c.terminal() && o.ConsoleSocket == "" {
		c.take = func(master int) (err error) {
			h.terminal, err = newTerminal(master)
			return err
		}
	}
	if err := c.create(); err != nil {
		if h.terminal != nil {
			h.terminal.Close()
		}
		return nil, err
	}
	h.of = identityOf(c.record)
	h.streams, c.streams = c.streams, nil
	if h.terminal != nil {
		h.streams.attach(h.terminal)
	}
	h.streams.start()
	c.tend()
	return h, nil
}

// create does what prepare has found possible. What it leaves on failure, close
// takes back.
func (c *creation) create() error { return c.overtaken(c.make()) }

// overtaken is [ErrNotExist] if a forced delete has ended what was being made: that is what there is to say of it, and no fault of its own.
func (c *creation) overtaken(err error) error {
	if err == nil || c.entry == nil || c.stop.Err() != nil || errors.Is(err, ErrNotExist) || !c.entry.Doomed() && !errors.Is(c.entry.Gone(), ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %s was deleted by force while it was being made", ErrNotExist, c.opt.ID)
}

func (c *creation) make() error {
	if err := c.sockets.connect(c.opt.ConsoleSocket, c.opt.PidfdSocket); err != nil {
		return err
	}
	if err := c.openStreams(); err != nil {
		return err
	}
	timeline.Runtime.Phase("make the plan")
	if err := c.decide(); err != nil {
		return err
	}
	if err := c.stop.Err(); err != nil {
		return err
	}
	if err := c.claim(); err != nil {
		return err
	}
	p, err := c.launch()
	if err != nil {
		return fmt.Errorf("unable to start container process: %w", err)
	}
	if err := c.settle(p); err != nil {
		return err
	}
	if err := c.stop.Err(); err != nil {
		return err
	}
	c.undo.keep()
	return nil
}

func (c *creation) openStreams() (err error) {
	o := c.opt
	if o.Detach && copied(o.Stdin, o.Stdout, o.Stderr) {
		return errors.New("streams of a detached container have to be files: nobody stays to copy")
	}
	if c.streams, err = openStreams(o.Stdin, o.Stdout, o.Stderr, c.terminal()); err != nil {
		return err
	}
	return c.streams.pass(c.listen, o.ExtraFiles)
}

// decide makes the plan.
func (c *creation) decide() error {
	o, err := c.look()
	if err != nil {
		return err
	}
	c.tellProfile()
	c.r.warnAll(c.warnings())
	if c.plan, err = plan.Create(c.bundle.Spec, c.facts, o); err == nil {
		c.tellPlan()
	}
	return err
}

// warnings are those that the plan has.
func (c *creation) warnings() []string {
	return plan.Warnings(c.bundle.Spec, c.bundle.Spec.Process, c.facts)
}

// look finds out what the plan depends on, and chooses what the configuration leaves open.
func (c *creation) look() (*plan.Options, error) {
	h, err := host(c.layout, c.loc, c.joined)
	if err != nil {
		return nil, err
	}
	if c.asRoot {
		rootsFacts(h)
	}
	c.facts = h
	h.Null = notGiven(c.streams.list(), h.Null)
	devices(h)
	h.Linked = linked(c.bundle.Spec, c.bundle.Dir, c.bundle.Rootfs)
	h.Disks = disks(c.bundle.Spec, *c.host)
	mountLabel := ""
	if l := c.bundle.Spec.Linux; l != nil {
		mountLabel = l.MountLabel
	}
	if err := labels(h, *c.host, c.bundle.Spec.Process, mountLabel); err != nil {
		return nil, err
	}
	if c.resctrl, err = c.chooseGroup(); err != nil {
		return nil, err
	}
	h.Groups = len(c.resctrl.Dirs())
	h.Admit = mustAdmit(c.manager)
	return c.options()
}

// options are what the plan has of who creates.
func (c *creation) options() (o *plan.Options, err error) {
	o = &plan.Options{
		ID: c.opt.ID, Bundle: c.bundle.Dir, Rootfs: c.bundle.Rootfs, Staging: c.r.Root, NoPivot: c.opt.NoPivot, NoNewKeyring: c.opt.NoNewKeyring,
		Preserve: c.preserve(), Unlisted: c.beside != nil,
	}
	if hooks := c.bundle.Spec.Hooks; hooks != nil && len(hooks.CreateContainer) > 0 {
		o.State, o.HookEnv = hookState(c.bundle, c.opt.ID, specs.StateCreating), os.Environ()
		if c.facts.Umask, err = c.host.Umask(); err != nil {
			return nil, err
		}
	}
	if c.listen > 0 {
		o.Env = append(o.Env, "LISTEN_FDS="+strconv.Itoa(c.listen), "LISTEN_PID=1")
	}
	c.notify(o)
	return o, nil
}

// claim takes the id, writes down what a later delete must know, and makes the
// cgroups.
func (c *creation) claim() (err error) {
	timeline.Runtime.Phase("make state directory")
	if c.entry, err = c.r.store().Create(c.opt.ID); err != nil {
		if errors.Is(err, ErrExist) {
			err = c.r.explainExist(c.opt.ID)
		}
		return err
	}
	c.undo.push(c.undoHooks) // last of all
	c.undo.push(func() { _ = c.entry.Remove() })
	fault.Point("create:claimed")
	// An intent makes us owner of what is in the cgroup: whoever removes us by it
	// kills that. So nobody else's may be named in one.
	if err := c.manager.CheckEmpty(); err != nil {
		return err
	}
	if err := c.writeIntent(); err != nil {
		return err
	}
	if c.beside != nil {
		if err := c.entry.WriteBeside(c.beside.record.ID); err != nil {
			return err
		}
	}
	fault.Point("create:intent")
	if err := c.entry.WriteFile(state.ConfigName, c.bundle.Raw); err != nil {
		return err
	}
	if err := c.listenNotify(); err != nil {
		return err
	}
	timeline.Runtime.Phase("make cgroup")
	if err := c.manager.Make(c.roomToBuild(c.resources())); err != nil {
		return err
	}
	c.undo.push(func() { _ = c.manager.Destroy() })
	c.r.warnAll(choose.Ignored(c.loc, c.configured()))
	if err := c.makeGroup(); err != nil {
		return err
	}
	fault.Point("create:cgroup")
	return c.delegate()
}

func (c *creation) writeIntent() error {
	return c.entry.WriteIntent(&state.Intent{ID: c.opt.ID, BootID: c.boot, Cgroups: c.loc, Systemd: c.r.SystemdCgroup, Resctrl: c.resctrl, Root: c.root})
}

// launch has the first process made. All descriptors that it needs are ours to
// close again.
func (c *creation) launch() (p *launch.Process, err error) {
	timeline.Runtime.Phase("open descriptors")
	var files files
	defer files.close()
	in := &launch.Inputs{
		HostHooks: c.hostHooks, NetDevices: c.netDevices, Console: c.takeConsole, OOMKilled: c.oomKilled, Meanwhile: c.manager.Protect, Doomed: c.entry.Doomed,
		Proc: c.host.FD, Listener: c.handListener, Shared: c.noteRoot, Warn: c.r.warn,
		Stdio: c.streams.list(), Extra: c.streams.extra, Cancel: c.stop,
		Admit: func(pid int) error { return admit(c.manager, pid) },
	}
	if err := c.gate(in, &files); err != nil {
		return nil, err
	}
	in.Progress = files.open(c.entry.MakeFile(state.ProgressName))
	if files.err != nil {
		return nil, files.err
	}
	if err := nsenter.InitProgress(in.Progress); err != nil {
		return nil, err
	}
	entry, err := c.entrance(in)
	if err != nil {
		return nil, err
	}
	defer entry.Close()
	for _, j := range c.joined {
		in.Joined = append(in.Joined, j.fd)
	}
	if c.r.Effects.Undumpable && !c.facts.NoInspector {
		// A thread of ours makes mounts in the container's mount namespace, and a fork runs its hooks. (We have
		// CAP_SYS_PTRACE, so that our own files in /proc stay open to us.)
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	if p, err = c.begun(in); err != nil {
		return nil, explainOOM(err, c.manager, c.configured())
	}
	c.undo.push(func() {
		p.Kill()
		_ = c.manager.Kill()
	})
	if c.r.Debug != nil {
		c.r.debug("player: %s", p.Player)
	}
	if err := c.manager.Born(); err != nil {
		return nil, err
	}
	return p, nil
}

// begun has the first process made. Where that fails, or panics, what hooks or the first process have left in the cgroup goes with it.
func (c *creation) begun(in *launch.Inputs) (p *launch.Process, err error) {
	defer func() {
		if p == nil {
			_ = c.manager.Kill()
		}
	}()
	return launch.Start(c.plan, in)
}

// entrance opens what the first process enters its cgroups by, which is the caller's.
func (c *creation) entrance(in *launch.Inputs) (entry *cgroups.Entry, err error) {
	if entry, err = c.manager.Entry(); err != nil {
		return nil, err
	}
	if in.Seen = !ownPIDNamespace(c.bundle.Spec); in.Seen {
		err = entry.Detach()
	}
	if err == nil {
		err = addTasks(entry, c.resctrl)
	}
	if err != nil {
		entry.Close()
		return nil, err
	}
	in.Unified, in.Tasks = entry.Unified, entry.Tasks
	return entry, nil
}

func (c *creation) oomKilled() bool {
	n, err := c.manager.OOMKills()
	return err == nil && n > 0
}

// settle sets what only we can set on the first process, writes down that the
// container exists, and lets go of it.
func (c *creation) settle(p *launch.Process) error {
	timeline.Runtime.Phase("set limits")
	if err := c.limits(p.PID); err != nil {
		return err
	}
	if err := c.limitPids(); err != nil {
		return err
	}
	timeline.Runtime.Phase("write state")
	st, err := c.host.Stat(p.PID)
	if err != nil {
		return err
	}
	serial, err := proc.Serial(p.PID)
	if err != nil {
		return err
	}
	c.record = c.newRecord(p.PID, st.Start, serial)
	err = c.entry.WriteIdentity(c.record)
	if err == nil {
		err = c.entry.WriteRecord(c.record)
	}
	if err != nil {
		return err
	}
	fault.Point("create:recorded")
	timeline.Runtime.Phase("let go of first process")
	if err := c.release(p); err != nil {
		return err
	}
	if err := c.sockets.sendPidfd(p.PID); err != nil {
		return err
	}
	if err := writePidFile(c.opt.PidFile, p.PID); err != nil {
		return err
	}
	fault.Point("create:done")
	return nil
}

// gate makes what the first process waits at, and what closes when its program
// runs: FIFOs for a later start; or pipes, with the gate open already, if nothing
// is to happen between create and start.
func (c *creation) gate(in *launch.Inputs, files *files) (err error) {
	if !c.atOnce() {
		in.Gate = files.open(c.entry.MakeFifo(state.GateName))
		in.Status = files.open(c.entry.MakeFifo(state.StatusName))
		return files.err
	}
	var gate, status [2]int
	if err := unix.Pipe2(gate[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	in.Gate = files.open(gate[0], nil)
	_, err = fdio.Write(gate[1], []byte{1})
	unix.Close(gate[1])
	if err == nil {
		err = unix.Pipe2(status[:], unix.O_CLOEXEC)
	}
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	c.status, in.Status = fdio.New(status[0]), files.open(status[1], nil)
	return nil
}

// release lets go of the first process. When it is to run at once nobody waits
// for it here: Run looks at what becomes of it.
func (c *creation) release(p *launch.Process) error {
	defer p.Finish()
	if !c.atOnce() {
		return p.Confirm()
	}
	// The process dies with our thread until it has heard that. Once we let go of that, anybody may get it who
	// ends it, see [thread.Own]: so not before its program runs.
	c.locked = true
	runtime.LockOSThread()
	return p.Release()
}
