package step

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// Console makes the container's terminal in its own devpts: the master goes to
// the parent, the slave to the first process and onto /dev/console.
type Console struct {
	Width, Height int  // in characters; 0: as the kernel has it
	Bind          bool // put it on /dev/console
}

func (s *Console) String() string { return "make console" }

// Code carries the fields.
func (s *Console) Code(c *wire.Codec) {
	c.Int(&s.Width)
	c.Int(&s.Height)
	c.Bool(&s.Bind)
}

// Run makes it.
func (s *Console) Run(e *Env) error {
	master, slave, err := s.pty(e)
	if err != nil {
		return err
	}
	defer unix.Close(master)
	e.Late = append(e.Late, slave)
	if s.Bind {
		if err := bindConsole(e, slave); err != nil {
			return fmt.Errorf("bind /dev/console: %w", err)
		}
	}
	return e.Conn.Ask(wire.Console, master)
}

var errNoDevpts = errors.New("/dev/pts is not a devpts with its own ptmx")

// pty opens a pair of the devpts on /dev/pts. Nothing of it is opened by a name
// that the image could have made: ptmx must be the device of that very devpts
// (CVE-2025-52565), and the slave comes from the master by TIOCGPTPEER.
func (s *Console) pty(e *Env) (master, slave int, err error) {
	dir, err := e.Root.Lookup("/dev/pts")
	if err != nil {
		return -1, -1, err
	}
	defer unix.Close(dir)
	if err := verifyDevpts(dir, 0, 0); err != nil {
		return -1, -1, err
	}
	ref, err := unix.Openat(dir, "ptmx", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, -1, at("open /dev/pts/ptmx", err)
	}
	err = verifyDevpts(ref, unix.S_IFCHR, unix.Mkdev(5, 2))
	unix.Close(ref)
	if err != nil {
		return -1, -1, err
	}
	// A devpts makes its own entries: the name can't lead elsewhere now.
	master, err = unix.Openat(dir, "ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, -1, at("open /dev/pts/ptmx", err)
	}
	if slave, err = s.peer(master); err != nil {
		unix.Close(master)
		return -1, -1, err
	}
	return master, slave, nil
}

// verifyDevpts checks that fd is of a devpts and, unless mode is 0, the device
// rdev.
func verifyDevpts(fd int, mode uint32, rdev uint64) error {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if fs.Type != unix.DEVPTS_SUPER_MAGIC || mode != 0 && (st.Mode&unix.S_IFMT != mode || uint64(st.Rdev) != rdev) {
		return errNoDevpts
	}
	return nil
}

func (s *Console) peer(master int) (int, error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return -1, at("unlock terminal", err)
	}
	if s.Width|s.Height != 0 {
		size := unix.Winsize{Row: uint16(s.Height), Col: uint16(s.Width)}
		if err := unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &size); err != nil {
			return -1, at("set terminal size", err)
		}
	}
	slave, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		return -1, at("open terminal", e)
	}
	return int(slave), nil
}

// bindConsole puts the slave on /dev/console. The file below is made without
// following a link (CVE-2026-88264).
func bindConsole(e *Env, slave int) error {
	dir, base, err := e.Root.Split("/dev/console")
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	target, err := emptyFile(dir, base)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	tree, err := mount.Clone(slave, "", false)
	if err != nil {
		return at("clone", err)
	}
	defer unix.Close(tree)
	return at("attach", mount.Attach(tree, target))
}
