// Package callstest has another process make the calls of a test, as a container's first process does.
package callstest

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/nsenter"
)

// A Process makes calls.
type Process struct {
	K   *calls.Kernel // has it make them
	PID int

	sock   int
	player nsenter.Player
}

// Start forks the calling thread, in whose namespaces the process is. Its annex has room for count entries and size bytes.
func Start(t testing.TB, count, size int) *Process {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	tv := unix.NsecToTimeval(int64(testbed.Patience))
	if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	tape := nsenter.NewTape()
	ours, theirs := tape.FDSlot(), tape.FDSlot()
	// It ends with us, when it hears no more, which it would never do if it had our end, too.
	tape.Call("close the test's end", unix.SYS_CLOSE, ours.FD())
	f := &calls.Far{Annex: tape.Annex(theirs, count, size), Sock: pair[0]}
	image := tape.Image()
	f.Annex = f.Annex.In(image)
	p := &Process{sock: pair[0]}
	if p.player, err = nsenter.NewLocal(image); err != nil {
		t.Fatal(err)
	}
	f.Arena = p.player.Arena
	f.Arena.SetFD(ours, pair[0])
	f.Arena.SetFD(theirs, pair[1])
	p.PID, err = nsenter.Fork(&nsenter.CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, p.player)
	unix.Close(pair[1])
	if err != nil {
		t.Fatal(err)
	}
	p.K = calls.NewKernel(f)
	if _, err := p.K.Call("", unix.SYS_GETPID).Now(); err != nil { // it has done by now what comes before
		t.Error(err)
	}
	return p
}

// End ends the process.
func (p *Process) End(t testing.TB) {
	t.Helper()
	_ = unix.Kill(p.PID, unix.SIGKILL)
	testbed.Await(t, p.PID)
	unix.Close(p.sock)
	p.player.Free()
}
