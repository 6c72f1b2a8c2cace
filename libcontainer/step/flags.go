package step

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/wire"
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

func codeFlags(c *wire.Codec, f *Flags) {
	c.String(&f.Field)
	c.Bool(&f.Named.Any)
	c.String(&f.Named.Atime)
	c.Bool(&f.Locked)
	c.Bool(&f.Yield)
}

// Set changes the flags of the mount fd. Where some are locked, those that aren't named stay, and
// a word that would change one is an error, which says whose they are.
func (f *Flags) Set(fd int, a option.Attr, whose string) error {
	if f.Field == "" {
		return f.set(fd, a)
	}
	if !f.Named.Any {
		return nil
	}
	if !f.Locked {
		err := f.replace(fd, a)
		if !errors.Is(err, unix.EPERM) {
			return err
		}
	}
	have, err := attributes(fd)
	if err != nil {
		return err
	}
	kept, refused := option.Locked(a, f.Named, have)
	if len(refused) > 0 {
		return fmt.Errorf("%s: %s: %w", f.Field, option.Text(refused, whose), unix.EPERM)
	}
	return mount.SetAttr(fd, kept.Set, kept.Clear, false)
}

// set sets flags as they are.
func (f *Flags) set(fd int, a option.Attr) error {
	err := mount.SetAttr(fd, a.Set, a.Clear, false)
	if !f.Yield || !errors.Is(err, unix.EPERM) {
		return err
	}
	have, err := attributes(fd)
	if err != nil {
		return err
	}
	a = option.Yield(a, have)
	return mount.SetAttr(fd, a.Set, a.Clear, false)
}

// replace clears all flags that aren't named.
func (f *Flags) replace(fd int, a option.Attr) error {
	if option.NeedsFlags(f.Named) {
		have, err := attributes(fd)
		if err != nil {
			return err
		}
		a = option.Without(a, f.Named, have)
	}
	a = option.Replace(a, f.Named)
	return mount.SetAttr(fd, a.Set, a.Clear, false)
}

// attributes are the flags that a mount has.
func attributes(fd int) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return 0, at("read flags", err)
	}
	return option.OfStatfs(uint64(st.Flags)), nil
}

// whose flags they are, of a clone.
const whose = "source"

// SetFlags gives the mount fd, a clone or a new one, what its source says: propagation, then
// flags.
func (s *Source) SetFlags(fd int) error {
	below, err := s.refusedBelow(fd) // as long as the flags are the source's
	if err != nil {
		return err
	}
	for _, p := range s.Propagation {
		if err := mount.SetPropagation(fd, p.Type, p.Recursive); err != nil {
			return at("set propagation", err)
		}
	}
	if s.Kind == "" {
		if err := s.Flags.Set(fd, s.Attr, whose); err != nil {
			return at("set flags", err)
		}
	}
	if len(below) > 0 {
		return at("set recursive flags", fmt.Errorf("%s: %s: %w", s.Flags.Field, option.Text(below, whose), unix.EPERM))
	}
	return at("set recursive flags", mount.SetAttr(fd, s.RecAttr.Set, s.RecAttr.Clear, true))
}

// refusedBelow are the words for the mount and those below that its flags are locked against.
func (s *Source) refusedBelow(fd int) ([]option.Refusal, error) {
	if !s.Flags.Locked || s.RecAttr.Clear == 0 {
		return nil, nil
	}
	have, err := attributes(fd)
	return option.LockedBelow(s.RecAttr, have), err
}
