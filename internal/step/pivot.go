package step

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
)

// Pivot makes the root filesystem the root of the mount namespace, for the
// first process too, and lets the host's tree go.
type Pivot struct{}

func (*Pivot) String() string { return "pivot root" }

// Run pivots. With "." for both, the old root is stacked over the new one, so
// no directory for it is needed. It becomes a slave before it is detached:
// private would break hosts that unmount a busy device meanwhile.
func (*Pivot) Run(e *Env) {
	k := e.K
	old := k.Openat("open old root", calls.At, "/", unix.O_PATH|unix.O_DIRECTORY, 0).FD()
	defer k.Close(old)
	k.Fchdir("fchdir", e.Root.FD)
	k.PivotRoot("pivot_root", ".", ".")
	k.Fchdir("fchdir to old root", old)
	k.Mount("make old root a slave", "", ".", "", unix.MS_SLAVE|unix.MS_REC, "")
	k.Unmount("unmount old root", ".", unix.MNT_DETACH)
	k.Chdir("chdir", "/")
}

// MoveRoot is what --no-pivot asks for, where pivot_root(2) can't work (the
// host's root is a ramdisk): the root filesystem is moved over "/". The host's
// own procfs and sysfs are taken away first, or a process with CAP_SYS_ADMIN
// could mount new ones without the container's masks.
type MoveRoot struct {
	Hide []string // mount points of the host's, deepest first
}

func (*MoveRoot) String() string { return "move root" }

// Run moves. A first process that doesn't make these calls itself follows by chroot in its tape.
func (s *MoveRoot) Run(e *Env) {
	k := e.K
	for _, p := range s.Hide {
		if err := hide(k, p); err != nil {
			k.Fail("hide "+p, err)
		}
	}
	k.Fchdir("fchdir", e.Root.FD)
	k.Call("move_mount", unix.SYS_MOVE_MOUNT, e.Root.FD.Arg(), calls.Text(""), calls.At.Arg(), calls.Text("/"), calls.Int(unix.MOVE_MOUNT_F_EMPTY_PATH))
	k.Chroot("chroot", ".")
	k.Chdir("chdir", "/")
}

// hide unmounts what is at path; what can't go is covered by an empty tmpfs.
func hide(k *calls.Kernel, path string) error {
	err := k.Mount("", "", path, "", unix.MS_SLAVE|unix.MS_REC, "").Do()
	if err == nil {
		err = k.Unmount("", path, unix.MNT_DETACH).Do()
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		err = k.Mount("", "tmpfs", path, "tmpfs", 0, "").Do()
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// KeepRoot hands the root filesystem to the first process, which enters it by
// chroot: pivot_root(2) isn't used, so its root didn't move by itself.
type KeepRoot struct{}

func (*KeepRoot) String() string { return "hand over root" }

// Run hands it over.
func (*KeepRoot) Run(e *Env) {
	e.Late = append(e.Late, e.K.Call("dup", unix.SYS_FCNTL, e.Root.FD.Arg(), calls.Int(unix.F_DUPFD_CLOEXEC), calls.Int(0)).FD())
}
