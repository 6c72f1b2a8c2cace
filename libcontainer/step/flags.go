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
}

func codeFlags(c *wire.Codec, f *Flags) {
	c.String(&f.Field)
	c.Bool(&f.Named.Any)
	c.String(&f.Named.Atime)
	c.Bool(&f.Locked)
}

// Set changes the flags of the mount fd. Where some are locked, those that aren't named stay, and
// a word that would change one is an error, which says whose they are.
func (f *Flags) Set(fd int, a option.Attr, whose string) error {
	if f.Field == "" {
		return mount.SetAttr(fd, a.Set, a.Clear, false)
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
	return at("set recursive flags", s.setRecursive(fd))
}

// setRecursive sets the flags of the mount and of those below.
func (s *Source) setRecursive(fd int) error {
	a := s.RecAttr
	if s.Flags.Locked && a.Clear != 0 {
		have, err := attributes(fd)
		if err != nil {
			return err
		}
		if refused := option.LockedBelow(a, have); len(refused) > 0 {
			return fmt.Errorf("%s: %s: %w", s.Flags.Field, option.Text(refused, whose), unix.EPERM)
		}
	}
	return mount.SetAttr(fd, a.Set, a.Clear, true)
}
