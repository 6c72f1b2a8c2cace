package step

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
)

// remount changes the flags of the mount that is at the target, and what the file system itself is
// asked for.
func (s *Mount) remount(e *Env) error {
	fd, err := e.Root.Lookup(s.Target)
	if err != nil {
		return err
	}
	if err := s.change(e, fd); err != nil {
		unix.Close(fd)
		return err
	}
	if s.Later {
		e.readonly = append(e.readonly, fd)
		return nil
	}
	unix.Close(fd)
	return nil
}

// change does all but what has to wait.
func (s *Mount) change(e *Env, fd int) error {
	if err := s.checkProc(e, fd, fd); err != nil {
		return err
	}
	o := s.Options
	if s.Later {
		o.Attr.Set &^= unix.MOUNT_ATTR_RDONLY
	}
	if err := s.Flags.Set(fd, o.Attr, "mount"); err != nil {
		return at("change flags", err)
	}
	if len(o.Superblock)+len(o.Data) > 0 {
		if err := mount.Reconfigure(fd, o.Superblock, o.Data); err != nil {
			return at("change file system", err)
		}
	}
	if err := mount.SetAttr(fd, o.RecAttr.Set, o.RecAttr.Clear, true); err != nil {
		return at("change flags", err)
	}
	for _, p := range o.Propagation {
		if err := mount.SetPropagation(fd, p.Type, p.Recursive); err != nil {
			return at("set propagation", err)
		}
	}
	return nil
}
