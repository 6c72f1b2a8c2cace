package libcontainer

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/state"
)

// LiveDevice is a device that a container was given while it ran.
type LiveDevice = state.LiveDevice

// Devices lists what AddDevice has added.
func (r *Runtime) Devices(id string) ([]LiveDevice, error) {
	l, err := r.openToChange(id)
	if err != nil {
		return nil, err
	}
	defer l.close()
	return l.live.Devices, nil
}

// AddDevice lets a container that is created, runs or is paused use a device, with the access of a rule ("rwm"), and makes its file, or, in a user
// namespace, binds the host's. The rule is the container's like those of the configuration: an update keeps it, and a systemd unit has it too. It
// takes root of the host.
func (r *Runtime) AddDevice(id string, d specs.LinuxDevice, access string) (err error) {
	l, err := r.openToChange(id)
	if err != nil {
		return err
	}
	defer l.close()
	d.Path = path.Clean("/" + d.Path)
	if l.findDevice(d.Path) >= 0 {
		return fmt.Errorf("device %s: it was added already: %w", d.Path, unix.EEXIST)
	}
	if !l.hasCgroup() {
		return errors.New("the container has no cgroup of its own, whose rules would allow the device")
	}
	rule := specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &d.Major, Minor: &d.Minor, Access: access}
	s, err := l.checked(func(s *specs.Spec) {
		s.Linux.Devices = append(slices.Clip(s.Linux.Devices), d)
		s.Linux.Resources = cgroups.Merge(s.Linux.Resources, &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{rule}})
	})
	if err != nil {
		return err
	}
	kept := state.LiveDevice{Path: d.Path, Type: d.Type, Major: d.Major, Minor: d.Minor, Access: access}
	if fd, err := l.lookup(d.Path); err != nil {
		kept.Made = true
	} else {
		unix.Close(fd)
	}
	kept.Rule = !slices.EqualFunc(rulesOf(s), rulesOf(l.spec), sameRule)
	if err := l.permit(s); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = l.forbid(s)
		}
	}()
	p, node := plan.LiveDevice(s, l.host, l.opt, &d)
	if kept.ID, err = l.give(p, p.Source != nil, d.Path); err != nil {
		return err
	}
	l.live.Devices = append(l.live.Devices, kept)
	if err = l.entry.WriteLive(l.live); err != nil {
		_ = l.removeFile(&kept, node)
	}
	return err
}

// RemoveDevice takes a device away again that AddDevice has added: its file, if it is what it was, and the rule. Who has it open keeps it.
func (r *Runtime) RemoveDevice(id, at string) error {
	l, err := r.openToChange(id)
	if err != nil {
		return err
	}
	defer l.close()
	at = path.Clean("/" + at)
	i := l.findDevice(at)
	if i < 0 {
		return fmt.Errorf("no device was added at %s", at)
	}
	d := &l.live.Devices[i]
	if d.Rule {
		s, err := l.checked(func(s *specs.Spec) {
			rule := specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &d.Major, Minor: &d.Minor, Access: d.Access}
			left := *s.Linux.Resources
			left.Devices = slices.DeleteFunc(slices.Clone(left.Devices), func(have specs.LinuxDeviceCgroup) bool { return sameRule(have, rule) })
			s.Linux.Resources = &left
		})
		if err != nil {
			return err
		}
		if err := l.permit(s); err != nil {
			return err
		}
	}
	mode := uint32(unix.S_IFCHR)
	if d.Type == "b" {
		mode = unix.S_IFBLK
	}
	if err := l.removeFile(d, rootfs.Node{Path: at, Mode: mode, Rdev: unix.Mkdev(uint32(d.Major), uint32(d.Minor))}); err != nil {
		return err
	}
	l.live.Devices = slices.Delete(l.live.Devices, i, i+1)
	return l.entry.WriteLive(l.live)
}

// permit replaces the container's device rules by those of s.
func (l *living) permit(s *specs.Spec) error { return l.replace(l.spec, s) }

// forbid takes permit back.
func (l *living) forbid(s *specs.Spec) error { return l.replace(s, l.spec) }

func (l *living) replace(from, to *specs.Spec) error {
	old, merged := &specs.LinuxResources{}, &specs.LinuxResources{}
	if from.Linux != nil && from.Linux.Resources != nil {
		old = from.Linux.Resources
	}
	if to.Linux != nil && to.Linux.Resources != nil {
		merged = to.Linux.Resources
	}
	if slices.EqualFunc(merged.Devices, old.Devices, sameRule) {
		return nil
	}
	return l.set(merged, old, &specs.LinuxResources{Devices: merged.Devices})
}

// removeFile removes a device's file, unless it is another one by now, and whoever covers it.
func (l *living) removeFile(d *state.LiveDevice, n rootfs.Node) error {
	switch {
	case d.ID != 0:
		return l.unmount(d.Path, d.ID)
	case !d.Made:
		return nil
	}
	k := new(calls.Kernel)
	root := rootfs.Root{K: k, FD: calls.Number(l.root.FD())}
	dir, base := root.Split(d.Path)
	defer k.Close(dir)
	fd := k.Openat("open", dir, base, unix.O_PATH|unix.O_NOFOLLOW, 0).FD()
	defer k.Close(fd)
	rootfs.Verify(k, fd, n.Mode, n.Rdev)
	err := k.Flush()
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil {
		err = unix.Unlinkat(dir.Int(), base, 0)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", d.Path, err)
	}
	return nil
}

func (l *living) findDevice(at string) int {
	return slices.IndexFunc(l.live.Devices, func(d state.LiveDevice) bool { return d.Path == at })
}

func rulesOf(s *specs.Spec) []specs.LinuxDeviceCgroup {
	if s.Linux == nil || s.Linux.Resources == nil {
		return nil
	}
	return s.Linux.Resources.Devices
}

// sameRule tells whether two rules are the same, word for word.
func sameRule(a, b specs.LinuxDeviceCgroup) bool {
	same := func(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
	return a.Allow == b.Allow && a.Type == b.Type && a.Access == b.Access && same(a.Major, b.Major) && same(a.Minor, b.Minor)
}
