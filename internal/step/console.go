package step

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/pty"
)

// Console makes the container's terminal in its own devpts: the master goes to
// the runtime, the slave to the first process and onto /dev/console.
type Console struct {
	Width, Height int    // in characters; 0: as the kernel has it
	Bind          bool   // put it on /dev/console
	Label         string // SELinux label; "": the policy's
}

func (s *Console) String() string { return "make console" }

// Run makes it.
func (s *Console) Run(e *Env) {
	k := e.K
	if k.Flush() != nil {
		return
	}
	master, slave, err := pty.Open(e.Root, s.Width, s.Height)
	if err != nil {
		k.Keep(err)
		return
	}
	defer k.Close(master)
	e.Late = append(e.Late, slave)
	setLabel(k, slave, s.Label)
	if s.Bind {
		e.bindConsole(slave)
	}
	if ours, err := k.Fetch(master); err == nil {
		e.ask(func() error { return e.Host.Console(ours) })
		unix.Close(ours)
	} else {
		k.Keep(err)
	}
}

// bindConsole puts the slave on /dev/console. The file below is made without
// following a link (CVE-2026-88264).
func (e *Env) bindConsole(slave calls.FD) {
	err := e.K.Try(func() {
		target := e.emptyFile("/dev/console")
		defer e.K.Close(target)
		tree := mount.Clone(e.K, "clone", slave, "", false).FD()
		defer e.K.Close(tree)
		mount.Attach(e.K, "attach", tree, target)
	})
	if err != nil {
		e.K.Fail("", fmt.Errorf("bind /dev/console: %w", err))
	}
}
