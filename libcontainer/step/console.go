package step

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/pty"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// Console makes the container's terminal in its own devpts: the master goes to
// the parent, the slave to the first process and onto /dev/console.
type Console struct {
	Width, Height int    // in characters; 0: as the kernel has it
	Bind          bool   // put it on /dev/console
	Label         string // SELinux label; "": the policy's
}

func (s *Console) String() string { return "make console" }

// Code carries the fields.
func (s *Console) Code(c *wire.Codec) {
	c.Int(&s.Width)
	c.Int(&s.Height)
	c.Bool(&s.Bind)
	c.String(&s.Label)
}

// Run makes it.
func (s *Console) Run(e *Env) error {
	master, slave, err := pty.Open(e.Root, s.Width, s.Height)
	if err != nil {
		return err
	}
	defer unix.Close(master)
	e.Late = append(e.Late, slave)
	if err := setLabel(slave, s.Label); err != nil {
		return err
	}
	if s.Bind {
		if err := bindConsole(e, slave); err != nil {
			return fmt.Errorf("bind /dev/console: %w", err)
		}
	}
	return e.Conn.Ask(wire.Console, master)
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
