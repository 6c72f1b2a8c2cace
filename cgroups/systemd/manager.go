package systemd

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/device"
	v1 "github.com/rung-oci/rung/cgroups/v1"
	v2 "github.com/rung-oci/rung/cgroups/v2"
	"github.com/rung-oci/rung/nsenter"
)

// Inner is the manager of the cgroups inside of the unit.
type Inner interface {
	cgroups.Manager
	// Adopt says that the cgroup is made by somebody else, and that pid may be in
	// it to keep it.
	Adopt(pid int)
}

// Manager is a [cgroups.Manager] for a unit: it adds to the one inside what
// systemd has to be told. Whatever it doesn't define is done in the cgroup, and
// so without systemd.
type Manager struct {
	Inner
	unit    Unit
	user    bool
	doors   []door
	options Options
	layout  *cgroups.Layout
	holder  *nsenter.Holder       // keeps the scope until the first process is in it
	started bool                  // by Make
	late    *specs.LinuxResources // for Born; nil if nothing is
}

var _ cgroups.Unit = (*Manager)(nil)

// Options are what Make has to know of the container beside its resources.
type Options struct {
	Description string
	Extra       []Property // from annotations
}

// New returns a manager for a container that is to be made in a unit.
func New(l *cgroups.Layout, inner Inner, u Unit, user bool, o Options) *Manager {
	return &Manager{Inner: inner, unit: u, user: user, doors: doors(user), options: o, layout: l}
}

// Load returns the manager of an existing container, whose unit is named like
// its cgroup. Its layout isn't known.
func Load(inner Inner, user bool) *Manager {
	m := &Manager{Inner: inner, user: user, doors: doors(user)}
	for _, dir := range inner.Location() {
		m.unit.Name = path.Base(dir)
	}
	return m
}

// UserBase is the cgroup of the user's systemd: units are below.
func UserBase() (string, error) {
	c, err := connect(true, doors(true), time.Now().Add(Timeout))
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.property("ControlGroup")
}

// Version is that of the systemd that answers: the system's, or the user's own one.
func Version(user bool) (int, error) {
	c, err := connect(user, doors(user), time.Now().Add(Timeout))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.version()
}

func (m *Manager) connect() (*connection, error) {
	return connect(m.user, m.doors, time.Now().Add(Timeout))
}

// writes are those to the files that have properties of the unit.
func (m *Manager) writes(r *specs.LinuxResources) []cgfile.Write {
	if m.unified() {
		return append(v2.Writes(r), v2.Unified(r)...)
	}
	return v1.Writes(r)
}

// properties is [Properties] for what systemd is running.
func (m *Manager) properties(c *connection, r *specs.LinuxResources) ([]Property, error) {
	writes, version := m.writes(r), 0
	if NeedVersion(writes) {
		var err error
		if version, err = c.version(); err != nil {
			return nil, err
		}
	}
	return Properties(writes, version), nil
}

// Make has systemd make the unit, and completes its cgroup. A scope can't be empty: a process of ours holds it until
// Born, and a SIGKILL of us would end both.
func (m *Manager) Make(r *specs.LinuxResources) (err error) {
	if err := m.check(r); err != nil {
		return err
	}
	outside, err := m.outside()
	if err != nil {
		return err
	}
	early, late := split(r, outside)
	c, err := m.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	limits, err := m.properties(c, early)
	if err != nil {
		return err
	}
	m.late = late
	if !m.unified() {
		devices, err := m.devices(r)
		if err != nil {
			return err
		}
		limits = append(limits, devices...)
	}
	defer func() {
		if err != nil {
			m.holder.Release()
			if m.started { // else it may be somebody else's
				_ = m.stop(c)
			}
		}
	}()
	if err := m.start(c, limits); err != nil {
		return err
	}
	return m.Inner.Make(early)
}

// check finds what can't be had before there is a unit.
func (m *Manager) check(r *specs.LinuxResources) error {
	if err := cgfile.Possible(m.writes(r)); err != nil || r == nil {
		return err
	}
	_, err := device.Rules(r.Devices)
	return err
}

// split takes from the resources what would be in the way of the first process's
// birth and comes late, when it is alone: a pids limit that it and the holder are
// too many for; and if the player has to come into the cgroup, see
// [Manager.Admit], all that a program of some size could run into.
func split(r *specs.LinuxResources, player bool) (early, late *specs.LinuxResources) {
	if r == nil {
		return nil, nil
	}
	e, l := *r, specs.LinuxResources{}
	if r.Pids != nil && r.Pids.Limit != nil && (player || *r.Pids.Limit == 0 || *r.Pids.Limit == 1) {
		e.Pids, l.Pids = nil, r.Pids
	}
	if player {
		e.Memory, l.Memory = nil, r.Memory
	}
	e.Unified = nil
	for file, v := range r.Unified {
		to := &e.Unified
		if one := strings.TrimSpace(v); file == "pids.max" && (one == "0" || one == "1") || player && limitsPlayer(file) {
			to = &l.Unified
		}
		if *to == nil {
			*to = make(map[string]string)
		}
		(*to)[file] = v
	}
	if l.Pids == nil && l.Memory == nil && l.Unified == nil {
		return &e, nil
	}
	return &e, &l
}

func limitsPlayer(file string) bool {
	return strings.HasPrefix(file, "pids.") || strings.HasPrefix(file, "memory.")
}

// start makes the unit and has it hold our place.
func (m *Manager) start(c *connection, limits []Property) (err error) {
	if !m.unit.IsSlice() {
		if m.holder, err = nsenter.Hold(); err != nil {
			return err
		}
		m.Adopt(m.holder.PID)
	} else {
		m.Adopt(0)
	}
	type auxiliary struct {
		Name       string
		Properties []Property
	}
	args := []any{m.unit.Name, "replace", m.list(limits), []auxiliary{}}
	err = c.job("StartTransientUnit", args...)
	if is(err, unitHere) {
		// One that has failed stays until somebody has seen it.
		if c.call("ResetFailedUnit", m.unit.Name).Err == nil {
			err = c.job("StartTransientUnit", args...)
		}
	}
	if err == nil {
		m.started = true
		err = m.verify()
	}
	if err != nil {
		return fmt.Errorf("start unit %s: %w", m.unit.Name, err)
	}
	return nil
}

// list is all that is said of the unit at its start.
func (m *Manager) list(limits []Property) []Property {
	all := []Property{property("Description", m.options.Description), property("DefaultDependencies", false)}
	if m.unit.IsSlice() {
		all = append(all, property("Wants", []string{m.unit.Slice}))
	} else {
		all = append(all,
			property("Slice", m.unit.Slice),
			property("Delegate", true),
			property("PIDs", []uint32{uint32(m.holderPID())}),
			// A scope whose processes were killed counts as failed.
			property("CollectMode", "inactive-or-failed"),
		)
	}
	io := "IOAccounting"
	if !m.unified() {
		io = "BlockIOAccounting"
	}
	for _, name := range []string{"MemoryAccounting", "CPUAccounting", io, "TasksAccounting"} {
		all = append(all, property(name, true))
	}
	return append(append(all, limits...), m.options.Extra...)
}

// holderPID is 0 as long as nobody holds the unit.
func (m *Manager) holderPID() int {
	if m.holder == nil {
		return 0
	}
	return m.holder.PID
}

var errElsewhere = errors.New("systemd has made the cgroup elsewhere")

// verify finds the holder where the container's cgroup is to be.
func (m *Manager) verify() error {
	want, ok := m.Location()[""]
	if !ok || m.holder == nil {
		return nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(m.holder.PID) + "/cgroup")
	if err != nil {
		return err
	}
	if got := m.layout.Of(text)[""]; got != want {
		return fmt.Errorf("%w: in %s, not in %s", errElsewhere, got, want)
	}
	return nil
}

// Born lets the holder go.
func (m *Manager) Born() error {
	m.holder.Release()
	if err := m.Inner.Born(); err != nil || m.late == nil {
		return err
	}
	return m.Set(m.late, &specs.LinuxResources{})
}

// set changes properties of the unit until it ends. systemd answers first and
// writes to the cgroup then, before it reads the next call: when that is
// answered, the files are ours again.
func (m *Manager) set(c *connection, list []Property) error {
	if len(list) == 0 {
		return nil
	}
	if err := c.call("SetUnitProperties", m.unit.Name, true, list).Err; err != nil {
		return fmt.Errorf("set properties of unit %s: %w", m.unit.Name, err)
	}
	_, err := c.property("Version")
	return err
}

// Destroy has systemd stop the unit and removes what is left of the cgroup.
// Mostly the unit has ended with its last process.
func (m *Manager) Destroy() error {
	m.holder.Release()
	var stopped error
	c, err := m.connect()
	if err == nil {
		defer c.Close()
		stopped = m.stop(c)
	}
	// Whoever isn't there has no unit, and sees the cgroup's end when he is back.
	if err := m.Inner.Destroy(); err != nil {
		return err
	}
	return stopped
}

// stop ends the unit if it is there, and has systemd forget it.
func (m *Manager) stop(c *connection) error {
	err := c.job("StopUnit", m.unit.Name, "replace")
	if err != nil && !is(err, noUnit) {
		return fmt.Errorf("stop unit %s: %w", m.unit.Name, err)
	}
	if err := c.call("ResetFailedUnit", m.unit.Name).Err; err != nil && !is(err, noUnit) {
		return fmt.Errorf("reset unit %s: %w", m.unit.Name, err)
	}
	return nil
}
