package launch

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/libcontainer/wire"
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
	if _, err := unix.Write(p.control, []byte{1}); err != nil {
		return p.cause(errSilent)
	}
	return nil
}

// Finish reaps what was needed for the launch, and closes our descriptors.
func (p *Process) Finish() {
	p.stage.Wait()
	p.reapHelper()
	p.Close()
}

// Close closes our descriptors.
func (p *Process) Close() {
	for _, fd := range []*int{&p.control, &p.progress} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
	if p.arena != nil {
		p.arena.Close()
	}
	if p.alone != nil {
		p.alone.dismiss()
		p.alone.player.Kill() // it has ended, or is about to
		if p.alone.playerfd >= 0 {
			unix.Close(p.alone.playerfd)
		}
		if p.stage != nil {
			p.stage.Close()
		}
		runtime.UnlockOSThread()
		p.alone = nil
	}
}

// Kill ends all processes of the launch and reaps them.
func (p *Process) Kill() {
	if p.alone != nil { // or a thread would wait for the first process
		p.alone.player.Kill()
		p.killFirst()
		p.alone.dismiss()
	}
	p.awaitBuilder()
	p.stage.Kill()
	// The stage is gone, so no first process can be born any more.
	p.killFirst()
	p.reapHelper()
	p.Close()
}

func (p *Process) killFirst() {
	if pid, err := p.pid(); err == nil {
		c := spawn.Child{PID: pid}
		c.Kill()
	}
}

func (p *Process) reapHelper() {
	if !p.plan.Orders.ByTape || p.arena == nil {
		return
	}
	if pid, err := p.arena.ReadInt32(p.plan.Orders.Helper); err == nil && pid > 0 {
		c := spawn.Child{PID: pid}
		c.Kill()
	}
}

// cause finds out why the launch failed: what the stage or its builder said;
// else the first process's own record; else how the processes ended.
func (p *Process) cause(err error) error {
	if p.alone != nil {
		p.alone.dismiss()
	}
	var f *wire.Failure
	told := errors.As(err, &f)
	if told && f.Text != errSilent.Error() {
		return err
	}
	if !told && !errors.Is(err, errSilent) {
		return err
	}
	rec, rerr := nsenter.ReadProgress(p.progress)
	if rerr != nil {
		return rerr
	}
	if rec.Errno != 0 && !peerGone(rec.Errno) {
		return &TapeError{Text: plan.Text(p.label(rec.Step), rec.Errno), Errno: syscall.Errno(rec.Errno)}
	}
	if f := p.lastWords(); f != nil {
		return f
	}
	p.stage.Wait()
	if p.stage.Status.Signaled() {
		return fmt.Errorf("init stage was killed by signal %d (%s)", p.stage.Status.Signal(), p.stage.Status.Signal())
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

// lastWords is what the stage or its builder still has to say when the first
// process has ended: the end of one is often seen before the words of the other.
// A request is turned down, or the stage would wait for its answer for ever.
func (p *Process) lastWords() error {
	for {
		_, fds, err := p.stage.Conn.Recv()
		var f *wire.Failure
		switch {
		case errors.As(err, &f):
			if f.Text != errSilent.Error() {
				return f
			}
		case err == nil:
			for _, fd := range fds {
				unix.Close(fd)
			}
			p.stage.Conn.Close()
			p.stage.Conn.FD = -1
			return nil
		default:
			return nil
		}
	}
}

// label says what an entry of the first process's tape is for.
func (p *Process) label(entry uint32) string {
	if text := p.remote.Label(int(entry)); text != "" {
		return text
	}
	return p.plan.Tape.Label(int(entry))
}

// ErrOOM is the end of a first process for want of memory.
var ErrOOM = errors.New("container init was OOM-killed (memory limit too low?)")

// death says how the first process ended.
func (p *Process) death(rec nsenter.Progress) error {
	pid, err := p.pid()
	if err != nil {
		return fmt.Errorf("init stage ended with status %d", p.stage.Status.ExitStatus())
	}
	c := spawn.Child{PID: pid}
	c.Wait()
	label := p.label(rec.Step)
	if c.Status.Signaled() {
		if p.in.OOMKilled != nil && p.in.OOMKilled() {
			return ErrOOM
		}
		return fmt.Errorf("container init was killed by signal %d (%s) at: %s", c.Status.Signal(), c.Status.Signal(), label)
	}
	return fmt.Errorf("container init ended with status %d at: %s", c.Status.ExitStatus(), label)
}

// A TapeError is an entry of the first process's tape that failed.
type TapeError struct {
	Text  string
	Errno syscall.Errno
}

// Error says what was done and why it failed.
func (e *TapeError) Error() string { return e.Text }

// Unwrap is the error number.
func (e *TapeError) Unwrap() error { return e.Errno }
