package launch

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/nsenter"
)

// Confirm lets the first process wait for start, on its own from now on. It
// returns once it does.
func (p *Process) Confirm() error {
	err := p.Release()
	if err == nil {
		if err = p.hearPatiently(); err != nil {
			err = p.cause(err)
		}
	}
	return err
}

// Release is Confirm that doesn't wait.
func (p *Process) Release() error {
	if err := p.tell(); err != nil {
		return p.cause(err)
	}
	return nil
}

// tell writes the first process the one byte that it waits for.
func (p *Process) tell() error {
	_, err := fdio.Write(p.control.FD(), []byte{1})
	return gone(err, "let go of first process")
}

// gone is an error of what connects us with the first process: most say that this has ended, and the others what they are.
func gone(err error, doing string) error {
	var errno unix.Errno
	switch {
	case err == nil:
		return nil
	case errors.As(err, &errno) && peerGone(uint32(errno)):
		return errSilent
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Finish reaps what was needed for the launch, and closes our descriptors.
func (p *Process) Finish() {
	if p.plan.Orders.Builder != 0 && p.builder != nil {
		p.builder.child.Wait() // it has ended by then
	}
	p.Close()
}

// Close closes our descriptors, and ends and reaps what is neither the first process nor who builds in its place.
func (p *Process) Close() {
	for _, fd := range []*fdio.Own{&p.control, &p.progress, &p.playerfd} {
		fd.Close()
	}
	p.builder.dismiss()
	p.player.Kill() // it has ended, or is about to
	if p.arena != nil {
		p.reapHelper()
		p.arena.Close()
		p.arena = nil
	}
	if p.locked {
		p.locked = false
		runtime.UnlockOSThread()
	}
}

// findHelper looks once for the fork that a player in Go has in its place: while nobody that others see has the arena.
func (p *Process) findHelper() {
	if !p.sought {
		p.sought = true
		p.helper.PID, _ = pidIn(p.arena, p.plan.Orders.Helper)
	}
}

// reapHelper ends and reaps that fork.
func (p *Process) reapHelper() {
	p.findHelper()
	p.helper.Kill()
}

// Kill ends all processes of the launch and reaps them: those first of whom others are born.
func (p *Process) Kill() {
	p.player.Kill()
	if p.arena != nil {
		p.reapHelper()
	}
	if c, err := p.builds(); err == nil {
		c.Kill()
	}
	if _, err := p.pid(); err == nil {
		p.first.Kill()
	}
	p.Close()
}

// cause finds out why the launch failed: the error that we know of;
// else the first process's own record; else how the processes ended.
func (p *Process) cause(err error) error {
	p.builder.dismiss()
	if !errors.Is(err, errSilent) {
		return err
	}
	rec, rerr := nsenter.ReadProgress(p.progress.FD())
	if rerr != nil {
		return rerr
	}
	if rec.Errno != 0 && !peerGone(rec.Errno) {
		return tapeError(p.label(rec.Step), rec.Errno)
	}
	return p.death(rec)
}

// peerGone tells whether the first process failed because its makers had.
func peerGone(errno uint32) bool {
	switch errno {
	case nsenter.ErrPeerGone, uint32(unix.EPIPE), uint32(unix.ECONNRESET):
		return true
	}
	return false
}

// label says what an entry of the first process's tape is for.
func (p *Process) label(entry uint32) string {
	if p.builder != nil {
		if text := p.builder.label(int(entry)); text != "" {
			return text
		}
	}
	return p.plan.Tape.Label(int(entry))
}

// ErrOOM is the end of a first process for want of memory.
var ErrOOM = errors.New("container init was OOM-killed (memory limit too low?)")

// endWait bounds the wait for a process whose silence says that it has ended, or is about to.
const endWait = 10 * time.Second

// death says how the first process ended.
func (p *Process) death(rec nsenter.Progress) error {
	c := &p.first
	if _, err := p.pid(); err != nil {
		if c, err = p.builds(); err != nil {
			p.player.End(endWait)
			return &Death{"make the first process", fmt.Errorf("player ended with wait status %#x", uint32(p.player.Status))}
		}
	}
	p.control.Close() // who lives all the same ends by that
	c.End(endWait)
	label := p.label(rec.Step)
	if c.Status.Signaled() {
		if p.in.OOMKilled != nil && p.in.OOMKilled() {
			return &Death{label, ErrOOM}
		}
		return &Death{label, fmt.Errorf("container init was killed by signal %d (%s) at: %s", c.Status.Signal(), c.Status.Signal(), label)}
	}
	return &Death{label, fmt.Errorf("container init ended with status %d at: %s", c.Status.ExitStatus(), label)}
}

// A Death is the end of a process before its program ran, of which nobody has said why.
type Death struct {
	Step string // what it was about to do, in words
	Err  error
}

// Error says how it has ended.
func (d *Death) Error() string { return d.Err.Error() }

// Unwrap is the same.
func (d *Death) Unwrap() error { return d.Err }

// A TapeError is an entry of the first process's tape that failed.
type TapeError struct {
	Label string // the entry's
	Text  string
	Errno syscall.Errno
}

func tapeError(label string, errno uint32) *TapeError {
	return &TapeError{Label: strings.TrimPrefix(label, "!"), Text: plan.Text(label, errno), Errno: syscall.Errno(errno)}
}

// Error says what was done and why it failed.
func (e *TapeError) Error() string { return e.Text }

// Unwrap is the error number.
func (e *TapeError) Unwrap() error { return e.Errno }
