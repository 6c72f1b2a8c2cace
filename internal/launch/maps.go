package launch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/proc"
)

// release writes the id maps and lets the builder go on.
func (b *builder) release() error {
	o := &b.plan.Orders
	if o.Builder != 0 { // it makes its namespaces itself, and says when they are there
		if _, err := b.sock.Recv(); err != nil {
			return calls.ErrGone
		}
	}
	if !o.Gate {
		return nil
	}
	maps := idmap.Maps{UID: o.UIDMap, GID: o.GIDMap, UIDHelper: o.UIDHelper, GIDHelper: o.GIDHelper, DenyGroups: o.DenyGroups, Field: "linux"}
	err := maps.Write(b.host, b.pid)
	if err == nil && o.Dumpable {
		err = b.reach()
	}
	if err != nil {
		return err
	}
	if !o.Offsets {
		return b.goOn()
	}
	// Nothing else of a procfs is for the first process to have.
	fd, err := b.host.OpenFile(proc.PID(b.pid, "timens_offsets"), unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return b.goOn(fd)
}

// goOn sends one byte, with descriptors if any.
func (b *builder) goOn(fds ...int) error {
	if err := b.sock.Send(fds...); err != nil {
		return calls.ErrGone
	}
	return nil
}

// reach does all that takes a look into the process before it becomes
// undumpable: afterwards an ordinary user can't join it by its pidfd, nor write
// its oom_score_adj.
func (b *builder) reach() (err error) {
	if o := &b.plan.Orders; o.OOMScore != "" {
		// Lowering takes rights that an ordinary user hasn't: runc and all engines
		// live with the score as it is.
		err := b.host.WriteFile(proc.PID(b.pid, "oom_score_adj"), o.OOMScore)
		if errors.Is(err, unix.EACCES) {
			b.in.Warn("process.oomScoreAdj: stays as it is, lowering it takes CAP_SYS_RESOURCE")
		} else if err != nil {
			return fmt.Errorf("process.oomScoreAdj: %w", err)
		}
	}
	if len(b.plan.Orders.Within) == 0 {
		return nil
	}
	if b.mounts, err = unix.Openat(b.host.FD, proc.PID(b.pid, "ns/mnt"), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open mount namespace of first process: %w", err)
	}
	return nil
}
