package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/state"
)

// LiveDevice is a device that a container was given while it ran.
type LiveDevice struct {
	state.LiveDevice
	Present bool // the file is there, and still the device
	Unknown bool // who asks can't see whether it is
}

// Devices lists what AddDevice has added.
func (h *Container) Devices() ([]LiveDevice, error) {
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	defer c.close()
	live, err := c.entry.Live()
	if err != nil {
		return nil, err
	}
	list := make([]LiveDevice, 0, len(live.Devices))
	for _, d := range live.Devices {
		list = append(list, LiveDevice{LiveDevice: d, Unknown: true})
	}
	return list, c.look(len(list), func(s *sight) {
		for i := range list {
			present, known := s.hasDevice(&list[i].LiveDevice)
			list[i].Present, list[i].Unknown = present, !known
		}
	})
}

// isDevice tells whether a device is where it was put.
func (l *living) isDevice(d *state.LiveDevice) (is bool, err error) {
	err = l.inMounts(false, func(root int) error {
		is, _ = (&sight{root, true}).hasDevice(d)
		return nil
	})
	return is, err
}

// AddDevice lets a container that is created, runs or is paused use a device, with the access of a rule ("rwm"), and makes its file, or, in a user
// namespace, binds the host's. An update keeps the rule. It takes root of the host, and a container with a mount namespace of its own.
func (h *Container) AddDevice(ctx context.Context, d specs.LinuxDevice, access string) (err error) {
	l, err := h.openToChange(ctx, "add device to")
	if err != nil {
		return err
	}
	defer l.close()
	if access == "" || strings.Trim(access, "rwm") != "" {
		return wrong("access", fmt.Sprintf("access %q: it can be letters of r, w and m", access))
	}
	if !path.IsAbs(d.Path) {
		return wrong("path", fmt.Sprintf("the path of a device isn't absolute: %q", d.Path))
	}
	if err := recordable(map[string]string{"path": d.Path}); err != nil {
		return err
	}
	access = strings.Join(slices.DeleteFunc([]string{"r", "w", "m"}, func(s string) bool { return !strings.Contains(access, s) }), "")
	d.Path = path.Clean(d.Path)
	kept := state.LiveDevice{Path: d.Path, Type: d.Type, Major: d.Major, Minor: d.Minor, Access: access}
	s, err := l.withDevice(&d, &kept)
	if err != nil {
		return err
	}
	kept.Rule = !slices.EqualFunc(rulesOf(s), rulesOf(l.spec), sameRule)
	p, _, err := plan.LiveDevice(s, l.host, l.opt, &d)
	if err != nil {
		return fmt.Errorf("device %s: %w", d.Path, err)
	}
	if kept.Made, err = l.missing(d.Path); err != nil {
		return err
	}
	l.live.Devices = append(l.live.Devices, kept)
	last := &l.live.Devices[len(l.live.Devices)-1]
	// Written down first: what a kill has left can be removed.
	if err := l.entry.WriteLive(l.live); err != nil {
		return err
	}
	err = l.permit(s)
	if err == nil {
		err = l.give(p, p.Source != nil, func(mount uint64) error {
			last.ID = mount
			return l.entry.WriteLive(l.live)
		})
		if err != nil {
			_ = l.forbid(s)
		}
	}
	if err == nil && kept.Made && last.ID == 0 {
		if last.On, err = l.lies(d.Path); err == nil {
			err = l.entry.WriteLive(l.live)
		}
	}
	if err != nil {
		_ = l.removeFile(last)
		l.live.Devices = l.live.Devices[:len(l.live.Devices)-1]
		_ = l.entry.WriteLive(l.live)
	}
	return err
}

// withDevice is the configuration with a device that may be added, whose place is free: of one that was added there, and is gone, nothing stays.
func (l *living) withDevice(d *specs.LinuxDevice, kept *state.LiveDevice) (s *specs.Spec, err error) {
	gone := l.findDevice(d.Path)
	if gone >= 0 {
		if is, err := l.isDevice(&l.live.Devices[gone]); err != nil || is {
			return nil, cmp.Or(err, fmt.Errorf("device %s: it was added already: %w", d.Path, unix.EEXIST))
		}
	}
	if !l.hasCgroup() {
		return nil, errors.New("the container has no cgroup of its own, whose rules would allow the device")
	}
	already := 0
	if l.spec.Linux != nil {
		already = len(l.spec.Linux.Devices)
	}
	for {
		s, err = l.checked(fmt.Sprintf("linux.devices[%d]", already), func(s *specs.Spec) {
			s.Linux.Devices = append(slices.Clip(s.Linux.Devices), *d)
			s.Linux.Resources = cgroups.Merge(s.Linux.Resources, &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{ruleOf(kept)}})
		})
		if err != nil {
			return nil, fmt.Errorf("device %s: %w", d.Path, err)
		}
		if gone < 0 {
			return s, nil
		}
		if err := l.forgetDevice(gone); err != nil {
			return nil, err
		}
		gone = -1 // and once more, without its rule
	}
}

// lies is the mount that a path of the container's root is on.
func (l *living) lies(at string) (id uint64, err error) {
	err = l.inMounts(false, func(root int) error {
		fd, err := lookup(root, at)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		id, err = mountID(fd)
		return err
	})
	return id, err
}

// missing tells whether there is nothing at a path in the container's root.
func (l *living) missing(at string) (missing bool, err error) {
	err = l.inMounts(false, func(root int) error {
		fd, err := lookup(root, at)
		if errors.Is(err, unix.ENOENT) {
			missing = true
			return nil
		}
		if err == nil {
			unix.Close(fd)
		}
		return err
	})
	return missing, err
}

// ruleOf is the rule that allows a device.
func ruleOf(d *state.LiveDevice) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &d.Major, Minor: &d.Minor, Access: d.Access}
}

// RemoveDevice takes away what AddDevice has added: the file, if it is what it was, and the rule, unless another device has the same. Who has it
// open keeps it.
func (h *Container) RemoveDevice(ctx context.Context, at string) error {
	l, err := h.openToChange(ctx, "remove device of")
	if err != nil {
		return err
	}
	defer l.close()
	at = path.Clean("/" + at)
	i := l.findDevice(at)
	if i < 0 {
		return fmt.Errorf("no device was added at %s", at)
	}
	return l.forgetDevice(i)
}

// forgetDevice takes the i-th device away, with what is left of it.
func (l *living) forgetDevice(i int) error {
	d := l.live.Devices[i]
	l.live.Devices = slices.Delete(l.live.Devices, i, i+1)
	takenOver := l.handRule(&d)
	return l.entry.WriteLiveAfter(l.live, func() error {
		if !takenOver {
			if err := l.removeRule(&d); err != nil {
				return err
			}
		}
		return l.removeFile(&d)
	})
}

// handRule tells whether no rule goes with a device that isn't in the list any more: it had none, or another device has the same, whose it is now.
func (l *living) handRule(d *state.LiveDevice) bool {
	if !d.Rule {
		return true
	}
	rule := ruleOf(d)
	i := slices.IndexFunc(l.live.Devices, func(o state.LiveDevice) bool { return sameRule(ruleOf(&o), rule) })
	if i >= 0 {
		l.live.Devices[i].Rule = true
	}
	return i >= 0
}

// removeRule takes away the rule of a device.
func (l *living) removeRule(d *state.LiveDevice) error {
	rule := ruleOf(d)
	s := l.edited(func(s *specs.Spec) {
		left := specs.LinuxResources{}
		if s.Linux.Resources != nil {
			left = *s.Linux.Resources
		}
		left.Devices = slices.DeleteFunc(slices.Clone(left.Devices), func(have specs.LinuxDeviceCgroup) bool { return sameRule(have, rule) })
		s.Linux.Resources = &left
	})
	if err := l.permit(s); err != nil {
		return err
	}
	l.spec = s
	return nil
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

// removeFile removes a device's file, unless it was there before, or is another one by now.
func (l *living) removeFile(d *state.LiveDevice) error {
	mode := uint32(unix.S_IFCHR)
	switch {
	case d.ID != 0:
		if err := l.unmount(d.Path, d.ID); err != nil {
			return err
		}
		mode = unix.S_IFREG // that it was bound to
	case d.Type == "b":
		mode = unix.S_IFBLK
	}
	if !d.Made {
		return nil
	}
	err := l.inMounts(false, func(at int) error {
		k := new(calls.Kernel)
		parent, base := path.Split(d.Path)
		dir, err := rootfs.Root{K: k, FD: calls.Number(at)}.Lookup(parent)
		if err != nil {
			return err
		}
		defer k.Close(dir)
		fd := k.Openat("open", dir, base, unix.O_PATH|unix.O_NOFOLLOW, 0).FD()
		defer k.Close(fd)
		rootfs.Verify(k, fd, mode, unix.Mkdev(uint32(d.Major), uint32(d.Minor)))
		if err := k.Flush(); err != nil {
			return err
		}
		if on, err := mountID(fd.Int()); err != nil || d.On != 0 && on != d.On {
			return err // what was mounted over ours has one of its own there
		}
		return unix.Unlinkat(dir.Int(), base, 0)
	})
	if errors.Is(err, rootfs.ErrWrongNode) || slices.ContainsFunc([]error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP}, func(gone error) bool { return errors.Is(err, gone) }) {
		return nil // what the container has moved or removed
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
