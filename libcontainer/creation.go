package libcontainer

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/inherited"
	"github.com/rung-oci/rung/internal/netdev"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/resctrl"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/timeline"
)

// A creation is a container on its way to be.
type creation struct {
	r      *Runtime
	opt    *CreateOptions
	bundle *spec.Bundle
	host   *proc.FS
	boot   string
	layout *cgroups.Layout
	loc    cgroups.Location
	joined []joinedNS
	listen int

	asRoot bool       // it is only planned, for root, because the caller may not create it
	beside *container // whose namespaces it is run in, below whose cgroups its own are; nil: none

	undo    undo
	hooked  bool           // hooks of the container have begun to run
	mover   *netdev.Mover  // nil: no network device was moved
	resctrl *resctrl.Group // nil: the configuration says nothing of it
	root    *state.RootMount
	entry   *state.Entry
	manager cgroups.Manager
	facts   *plan.Host
	plan    *plan.Plan
	sockets sockets
	take    func(master int) error // what becomes of a terminal; nil: the console socket gets it
	streams *streams
	stop    *cancel.Signal

	run    bool     // Start follows at once
	status fdio.Own // the status FIFO when the gate is open already
	locked bool     // the calling goroutine has its thread

	record *state.Record
}

// preserve is how many descriptors from 3 on are the container's.
func (c *creation) preserve() int { return c.listen + c.opt.PreserveFDs + len(c.opt.ExtraFiles) }

func (c *creation) cgroupsPath() string {
	if c.bundle.Spec.Linux == nil {
		return ""
	}
	return c.bundle.Spec.Linux.CgroupsPath
}

func (c *creation) terminal() bool {
	return c.bundle.Spec.Process != nil && c.bundle.Spec.Process.Terminal
}

// atOnce tells whether nothing has to happen between create and start.
func (c *creation) atOnce() bool {
	s := c.bundle.Spec
	return c.run && s.Process != nil && !hasLaterHooks(s.Hooks) && c.r.notifySocket() == ""
}

func (c *creation) close() {
	c.undo.run()
	if c.locked {
		runtime.UnlockOSThread()
	}
	if c.mover != nil {
		c.mover.Close()
	}
	c.streams.close()
	closeNamespaces(c.joined)
	c.sockets.close()
	c.status.Close()
	if c.host != nil {
		c.host.Close()
	}
	if c.entry != nil {
		c.entry.Close()
	}
}

// load reads the configuration, wherever it is.
func (o *CreateOptions) load() (*spec.Bundle, error) {
	if o.Spec == nil {
		return spec.Load(o.Bundle)
	}
	dir, err := filepath.Abs(o.Bundle)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if err := spec.CheckValue(dir, o.Spec); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(o.Spec)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return spec.Parse(dir, raw)
}

// begin checks all that can be checked before anything is changed. What beside is, if it isn't nil, the container is made beside.
func (r *Runtime) begin(o *CreateOptions, beside *container, stop *cancel.Signal) (_ *creation, err error) {
	if err := state.CheckID(o.ID); err != nil {
		return nil, err
	}
	listen := r.listenFDs()
	if err := checkPassed(listen, o.PreserveFDs, o.ExtraFiles); err != nil {
		return nil, err
	}
	r.closeOnExec()
	r.raiseFileSize()
	c := &creation{r: r, opt: o, listen: listen, beside: beside, stop: stop}
	done := false
	defer func() {
		if !done { // also where Warn or Debug of the caller's panic
			c.close()
		}
	}()
	timeline.Runtime.Phase("read configuration")
	if c.bundle, err = o.load(); err != nil {
		return nil, err
	}
	r.putOffGC(len(c.bundle.Raw))
	if err = checkCaller(c.bundle.Spec); err != nil {
		return nil, err
	}
	r.warnAll(c.bundle.Warnings)
	if err = c.examine(); err != nil {
		return nil, err
	}
	done = true
	return c, nil
}

// examine looks at the host and chooses the container's place there.
func (c *creation) examine() error {
	timeline.Runtime.Phase("look at the host")
	fs, err := proc.Open()
	if err != nil {
		return err
	}
	c.host = &fs
	if c.boot, err = state.BootID(fs); err != nil {
		return err
	}
	if c.layout, err = cgroups.Detect(); err != nil {
		return err
	}
	if err = c.chooseCgroups(); err != nil {
		return err
	}
	c.tellCgroups()
	if c.joined, err = openNamespaces(c.bundle.Spec); err != nil {
		return err
	}
	return c.checkMaps()
}

// unprivileged tells whether the container is made by who isn't root of the host.
func (c *creation) unprivileged() bool { return !c.asRoot && unprivileged() }

// listenFDs is how many descriptors of systemd's socket activation a container gets.
func (r *Runtime) listenFDs() int {
	if !r.Effects.Systemd {
		return 0
	}
	return inherited.ListenFDs()
}
