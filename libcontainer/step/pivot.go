package step

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/wire"
)

// Pivot makes the root filesystem the root of the mount namespace, for the
// first process too, and lets the host's tree go.
type Pivot struct{}

func (*Pivot) String() string { return "pivot root" }

// Code carries no field.
func (*Pivot) Code(*wire.Codec) {}

// Run pivots. With "." for both, the old root is stacked over the new one, so
// no directory for it is needed. It becomes a slave before it is detached:
// private would break hosts that unmount a busy device meanwhile.
func (*Pivot) Run(e *Env) error {
	old, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return at("open old root", err)
	}
	defer unix.Close(old)
	if err := unix.Fchdir(e.Root.FD); err != nil {
		return at("fchdir", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return at("pivot_root", err)
	}
	if err := unix.Fchdir(old); err != nil {
		return at("fchdir to old root", err)
	}
	if err := unix.Mount("", ".", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return at("make old root a slave", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return at("unmount old root", err)
	}
	return at("chdir", unix.Chdir("/"))
}

// MoveRoot is what --no-pivot asks for, where pivot_root(2) can't work (the
// host's root is a ramdisk): the root filesystem is moved over "/". The host's
// own procfs and sysfs are taken away first, or a process with CAP_SYS_ADMIN
// could mount new ones without the container's masks.
type MoveRoot struct {
	Hide []string // mount points of the host's, deepest first
}

func (*MoveRoot) String() string { return "move root" }

// Code carries the fields.
func (s *MoveRoot) Code(c *wire.Codec) { c.Strings(&s.Hide) }

// Run moves. The first process follows by chroot in its tape.
func (s *MoveRoot) Run(e *Env) error {
	for _, p := range s.Hide {
		if err := hide(p); err != nil {
			return at("hide "+p, err)
		}
	}
	if err := unix.Fchdir(e.Root.FD); err != nil {
		return at("fchdir", err)
	}
	if err := unix.MoveMount(e.Root.FD, "", unix.AT_FDCWD, "/", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return at("move_mount", err)
	}
	if err := unix.Chroot("."); err != nil {
		return at("chroot", err)
	}
	return at("chdir", unix.Chdir("/"))
}

// hide unmounts what is at path; what can't go is covered by an empty tmpfs.
func hide(path string) error {
	err := unix.Mount("", path, "", unix.MS_SLAVE|unix.MS_REC, "")
	if err == nil {
		err = unix.Unmount(path, unix.MNT_DETACH)
	}
	if err == unix.EINVAL || err == unix.EPERM {
		err = unix.Mount("tmpfs", path, "tmpfs", 0, "")
	}
	if err == unix.ENOENT {
		return nil
	}
	return err
}

// KeepRoot hands the root filesystem to the first process, which enters it by
// chroot: pivot_root(2) isn't used, so its root didn't move by itself.
type KeepRoot struct{}

func (*KeepRoot) String() string { return "hand over root" }

// Code carries no field.
func (*KeepRoot) Code(*wire.Codec) {}

// Run hands it over.
func (*KeepRoot) Run(e *Env) error {
	fd, err := unix.FcntlInt(uintptr(e.Root.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return at("dup", err)
	}
	e.Late = append(e.Late, fd)
	return nil
}
