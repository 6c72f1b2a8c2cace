package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/timeline"
)

// remove removes the container: destroy removes all that there is of it but its entry, then come its
// poststop hooks, and the entry is last. If hooks of a delete that was killed are all that is left to be done,
// there is nothing for destroy to do.
func (c *container) remove(destroy func() error) error {
	var b *spec.Bundle
	if c.record.HasHooks {
		var err error
		if b, err = c.config(); err != nil {
			c.r.notice("poststop hooks of container %s can't be run: %v", c.record.ID, err)
			b = nil
		}
	}
	if !c.record.HasHooks || !c.entry.InPoststop() {
		if c.record.HasHooks {
			if recorded, err := c.entry.Recorded(); err != nil {
				return err
			} else if !recorded {
				return c.removeEntry() // a forced delete has overtaken another, and us: what there is now has a new container
			}
		}
		if err := destroy(); err != nil {
			return err
		}
	}
	timeline.Runtime.Phase("poststop hooks")
	fault.Point("delete:cleared")
	ran, err := c.poststop(b)
	if err != nil {
		return err
	}
	timeline.Runtime.Phase("remove state directory")
	if ran {
		return c.removeEntry()
	}
	return c.entry.Remove()
}

// destroy ends and removes all that there is of the container but its entry.
func (c *container) destroy() error {
	timeline.Runtime.Phase("end processes")
	ours, err := c.end()
	if err != nil {
		return err
	}
	fault.Point("delete:ended")
	return c.clear(ours)
}

// clear removes what there is of a container whose processes have ended, but for its entry. The
// cgroup goes too if it is ours: the container's still.
func (c *container) clear(ours bool) error {
	reapInit(c.record, c.host)
	c.r.unmountRoot(c.record.Root, c.record.BootID, c.host)
	timeline.Runtime.Phase("remove cgroup")
	if ours {
		if err := c.manager.Destroy(); err != nil {
			return explainBusy(c.manager, err)
		}
	}
	return c.record.Resctrl.Remove()
}

// end kills what is alive and waits for the init's end. ours tells whether the cgroup
// is the container's still.
func (c *container) end() (ours bool, err error) {
	pidfd, err := c.pidfd()
	if errors.Is(err, unix.ESRCH) && !c.bygone && c.record.Elsewhere(c.host) {
		return c.endElsewhere(c.outOfSight())
	}
	gone := false
	if errors.Is(err, unix.ESRCH) && !c.bygone { // or the record is damaged
		pidfd, gone, err = identified(c.entry, c.host)
	}
	if err == nil {
		defer unix.Close(pidfd)
		err = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return false, fmt.Errorf("kill container init: %w", err)
	}
	if pidfd < 0 {
		if ours, err = c.r.owns(c.manager, c.record.Cgroups, c.record.ID, gone && c.ownPIDNamespace()); err != nil || !ours {
			return ours, err
		}
	}
	// Processes beside the init: of a shared pid namespace, or left by an init
	// that has ended.
	if err := c.manager.Kill(); err != nil {
		return false, err
	}
	if pidfd < 0 || wait(pidfd, 50*time.Millisecond) {
		return true, nil
	}
	if err := c.heldFrozen(); err != nil {
		return false, err
	}
	if !waitUnless(c.until, pidfd, killWait) {
		return false, cmp.Or(c.until.Err(), errors.New("container init still running"))
	}
	return true, nil
}

// endElsewhere is end where the init's pid is of another pid namespace. unseen says that it may live; nil: somebody has seen its end. What is in its
// cgroup is killed: that is all that leads to it from here. If there is none, or another container may be in there too, nothing is killed or removed, unless its
// end is known: it would live on, and nobody know of it.
func (c *container) endElsewhere(unseen error) (ours bool, err error) {
	if !c.hasCgroup() {
		if unseen != nil {
			unseen = fmt.Errorf("%w, and it has no cgroup by which to end it", unseen)
		}
		return true, unseen
	}
	other, err := c.r.sharer(c.record.Cgroups, c.record.ID)
	if err != nil {
		return false, err
	}
	if other != "" {
		if unseen != nil {
			unseen = fmt.Errorf("%w, and container %s has its cgroup", unseen, other)
		}
		return false, unseen
	}
	if err := c.manager.Kill(); err != nil {
		return false, err
	}
	// Version 1 shows us nobody of another pid namespace, nor kills. But it isn't removed while somebody is there.
	if err := c.manager.Destroy(); err != nil && unseen != nil {
		return false, fmt.Errorf("%w: %w", unseen, err)
	} else if err != nil {
		return false, err
	}
	return true, nil
}

// killIdentified kills the first process of a container that has no record, if it lives. The
// pidfd by which to wait for its end is the caller's; -1 if there is nobody to wait for.
func killIdentified(e *state.Entry, host proc.FS) (pidfd int, err error) {
	pidfd, _, err = identified(e, host)
	if errors.Is(err, unix.ESRCH) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("kill container init: %w", err)
	}
	if err = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		unix.Close(pidfd)
		return -1, fmt.Errorf("kill container init: %w", err)
	}
	return pidfd, nil
}

// destroyLeft ends and removes what there is of a container without a record, but for its
// entry: nothing if that was made before the last boot.
func (r *Runtime) destroyLeft(e *state.Entry, stop *cancel.Signal) error {
	host, err := proc.Open()
	if err != nil {
		return err
	}
	defer host.Close()
	i, damage := e.Intent()
	bygone, err := e.OfAnotherBoot(i, host)
	if err != nil {
		return err
	}
	if bygone {
		if damage != nil {
			r.warn("container %s: %v", e.ID, damage)
		}
		return nil
	}
	left, err := r.left(e, i, damage)
	if err != nil {
		r.warn("container %s: %v", e.ID, err)
	}
	pidfd, err := killIdentified(e, host)
	if err != nil {
		return err
	}
	if who := e.Identity(host); pidfd < 0 && len(left.Cgroups) == 0 && who != nil && who.Elsewhere(host) && e.Exit() == nil {
		return fmt.Errorf("container %s: %w, and it has no cgroup by which to end it", e.ID, ErrOutOfSight)
	}
	err = r.destroyCgroups(e.ID, left, pidfd, stop)
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
	if err != nil {
		return err
	}
	if who := e.Identity(host); who != nil {
		reapInit(who, host)
	}
	r.unmountRoot(left.Root, left.BootID, host)
	return left.Resctrl.Remove()
}

// destroyCgroups kills what is in the cgroups of a container without a record, and removes
// them, if they are that container's. It waits for the first process behind pidfd, if there
// is one, when that is killed and may end: a paused one is thawed by the kill.
func (r *Runtime) destroyCgroups(id string, left state.Intent, pidfd int, stop *cancel.Signal) error {
	ended := func() {
		if pidfd >= 0 {
			waitUnless(stop, pidfd, killWait)
		}
	}
	if len(left.Cgroups) == 0 {
		ended()
		return nil
	}
	m, err := load(left.Cgroups, left.Systemd)
	if err != nil {
		return err
	}
	if err := r.leavesCgroups(id, left.Cgroups, left.Systemd, true); err != nil {
		return err
	}
	ours, err := r.owns(m, left.Cgroups, id, false)
	if err != nil || !ours {
		ended()
		return err
	}
	if err := m.Kill(); err != nil {
		return err
	}
	ended()
	if err := stop.Err(); err != nil {
		return err
	}
	if err := m.Destroy(); err != nil {
		return explainBusy(m, err)
	}
	return nil
}

// left finds what there is of a container without a record: what its intent says,
// and if that is damaged too, the cgroups where its configuration puts them. What a
// damaged intent says may be another container's.
func (r *Runtime) left(e *state.Entry, i *state.Intent, err error) (left state.Intent, _ error) {
	if err == nil {
		if i != nil {
			left = *i
		}
		return left, nil
	}
	raw, rerr := e.ReadFile(state.ConfigName)
	if rerr != nil {
		return left, err
	}
	s, serr := spec.Decode(raw)
	if serr != nil {
		return left, err
	}
	layout, lerr := cgroups.Detect()
	if lerr != nil {
		return left, lerr
	}
	path := ""
	if s.Linux != nil {
		path = s.Linux.CgroupsPath
	}
	if r.SystemdCgroup {
		left.Cgroups, lerr = choose.LocateUnit(layout, path, e.ID, unprivileged())
	} else {
		left.Cgroups, lerr = layout.Locate(path, e.ID)
	}
	if lerr != nil {
		return left, lerr
	}
	left.Systemd = r.SystemdCgroup
	return left, err
}
