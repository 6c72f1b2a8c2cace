package step

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
)

// Flags say how the flag words of a mount entry change a mount that has flags already.
type Flags struct {
	Field string // the words' field of the configuration; "": the flags are ours, and are set as they are
	Named option.Named
	// Locked says that the container's user namespace has the mount of another one, which
	// locks its flags, although whoever sets them here could change them all.
	Locked bool
	// Yield says that flags which are locked stay as they are, whatever is asked for: of a clone of
	// the host's that stands in for a new file system.
	Yield bool
}

// Set changes the flags of the mount fd. Where some are locked, those that aren't named stay, and
// a word that would change one is an error, which says whose they are.
func (f *Flags) Set(k *calls.Kernel, label string, fd calls.FD, a option.Attr, whose string) {
	switch {
	case f.Field == "":
		f.set(k, label, fd, a)
	case !f.Named.Any:
	case f.Locked:
		f.unlocked(k, label, fd, a, whose)
	default:
		f.replace(k, label, fd, a, whose)
	}
}

// set sets flags as they are.
func (f *Flags) set(k *calls.Kernel, label string, fd calls.FD, a option.Attr) {
	yield := func(e unix.Errno) error {
		if !f.Yield || e != unix.EPERM {
			return e
		}
		have, err := attributes(k, fd)
		if err != nil {
			return err
		}
		b := option.Yield(a, have)
		return k.Try(func() { mount.SetAttr(k, label, fd, b.Set, b.Clear, false) })
	}
	if a.Set|a.Clear != 0 {
		k.MountSetattr(label, fd, 0, unix.MountAttr{Attr_set: a.Set, Attr_clr: a.Clear}).Else(yield)
	}
}

// replace clears all flags that aren't named.
func (f *Flags) replace(k *calls.Kernel, label string, fd calls.FD, asked option.Attr, whose string) {
	a := asked
	if option.NeedsFlags(f.Named) {
		have, err := attributes(k, fd)
		if err != nil {
			k.Fail(label, err)
			return
		}
		a = option.Without(a, f.Named, have)
	}
	if a = option.Replace(a, f.Named); a.Set|a.Clear == 0 {
		return
	}
	k.MountSetattr(label, fd, 0, unix.MountAttr{Attr_set: a.Set, Attr_clr: a.Clear}).Else(func(e unix.Errno) error {
		if e != unix.EPERM {
			return e
		}
		return k.Try(func() { f.unlocked(k, label, fd, asked, whose) })
	})
}

// unlocked sets those flags that aren't locked.
func (f *Flags) unlocked(k *calls.Kernel, label string, fd calls.FD, a option.Attr, whose string) {
	have, err := attributes(k, fd)
	if err != nil {
		k.Fail(label, err)
		return
	}
	kept, refused := option.Locked(a, f.Named, have)
	if len(refused) > 0 {
		k.Fail(label, fmt.Errorf("%s: %s: %w", f.Field, option.Text(refused, whose), unix.EPERM))
		return
	}
	mount.SetAttr(k, label, fd, kept.Set, kept.Clear, false)
}

// attributes are the flags that a mount has.
func attributes(k *calls.Kernel, fd calls.FD) (uint64, error) {
	st, c := k.Fstatfs("read flags", fd)
	if err := c.Do(); err != nil {
		return 0, err
	}
	return option.OfStatfs(uint64(st.Get().Flags)), nil
}

// whose flags they are, of a clone.
const whose = "source"

// SetFlags gives the mount fd, a clone or a new one, what its source says: propagation, then
// flags.
func (s *Source) SetFlags(k *calls.Kernel, fd calls.FD) {
	below := s.refusedBelow(k, fd) // as long as the flags are the source's
	before, _ := splitPropagation(s.Propagation)
	for _, p := range before {
		mount.SetPropagation(k, "set propagation", fd, p.Type, p.Recursive)
	}
	if s.Kind == "" {
		s.Flags.Set(k, "set flags", fd, s.Attr, whose)
	}
	const label = "set recursive flags"
	if len(below) > 0 {
		k.Fail(label, fmt.Errorf("%s: %s: %w", s.Flags.Field, option.Text(below, whose), unix.EPERM))
	}
	mount.SetAttr(k, label, fd, s.RecAttr.Set, s.RecAttr.Clear, true)
}

// refusedBelow are the words for the mount and those below that its flags are locked against.
func (s *Source) refusedBelow(k *calls.Kernel, fd calls.FD) []option.Refusal {
	if !s.Flags.Locked || s.RecAttr.Clear == 0 {
		return nil
	}
	have, err := attributes(k, fd)
	if err != nil {
		k.Keep(err)
		return nil
	}
	return option.LockedBelow(s.RecAttr, have)
}

// splitPropagation parts a list in what is set before a mount is attached, and what afterwards: the kernel attaches nothing
// unbindable to what is shared (EINVAL).
func splitPropagation(list []option.Propagation) (before, after []option.Propagation) {
	for i, p := range list {
		if p.Type == unix.MS_UNBINDABLE {
			return list[:i], list[i:]
		}
	}
	return list, nil
}
