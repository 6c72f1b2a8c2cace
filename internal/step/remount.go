package step

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
)

// remount changes the flags of the mount that is at the target, and what the file system itself is
// asked for.
func (s *Mount) remount(e *Env) {
	fd := e.Root.Open(s.Target).FD()
	s.change(e, fd)
	if s.Later && e.K.Err() == nil {
		e.readonly = append(e.readonly, fd)
		return
	}
	e.K.Close(fd)
}

// change does all but what has to wait.
func (s *Mount) change(e *Env, fd calls.FD) {
	s.checkProc(e, fd, fd)
	o := s.Options
	if s.Later {
		o.Attr.Set &^= unix.MOUNT_ATTR_RDONLY
	}
	s.Flags.Set(e.K, "change flags", fd, o.Attr, "mount")
	if len(o.Superblock)+len(o.Data) > 0 {
		if err := e.K.Try(func() { mount.Reconfigure(e.K, fd, o.Superblock, o.Data) }); err != nil {
			e.K.Fail("change file system", err)
		}
	}
	mount.SetAttr(e.K, "change flags", fd, o.RecAttr.Set, o.RecAttr.Clear, true)
	if s.Later { // what is mounted below is read-only now, itself it has yet to be filled
		mount.SetAttr(e.K, "change flags", fd, 0, o.RecAttr.Set&unix.MOUNT_ATTR_RDONLY, false)
	}
	for _, p := range o.Propagation {
		mount.SetPropagation(e.K, "set propagation", fd, p.Type, p.Recursive)
	}
}
