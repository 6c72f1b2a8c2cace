package step

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/nsenter"
)

// A maker is who makes the calls of a box: its own thread, or another process, as a container's
// first process does.
type maker struct {
	name        string
	count, size int // of the annex of another process
}

var makers = []maker{
	{name: "here"},
	{"far", 192, 48 << 10},     // annexEntries and annexBytes of package plan
	{"far small", 32, 8 << 10}, // which has to be told even of short steps in parts
}

// patience is for what takes no time where all is well.
const patience = 10 * time.Second

// kernel is one whose calls are made in the namespaces of the calling thread, which must be locked
// until end has been called, and by process pid.
func (m maker) kernel(t *testing.T) (k *calls.Kernel, pid int, end func()) {
	t.Helper()
	if m.count == 0 {
		return new(calls.Kernel), unix.Getpid(), func() {}
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	tv := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	tape := nsenter.NewTape()
	ours, theirs := tape.FDSlot(), tape.FDSlot()
	// It ends with us: with the thread, or when it hears no more, which it would never do if it had
	// our end, too.
	tape.Call("die with its thread", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_PDEATHSIG), nsenter.Int(int(unix.SIGKILL)))
	tape.Call("close the box's end", unix.SYS_CLOSE, ours.FD())
	f := &calls.Far{Annex: tape.Annex(theirs, m.count, m.size), Sock: pair[0]}
	image := tape.Image()
	f.Annex = f.Annex.In(image)
	player, err := nsenter.NewLocal(image)
	if err != nil {
		t.Fatal(err)
	}
	f.Arena = player.Arena
	f.Arena.SetFD(ours, pair[0])
	f.Arena.SetFD(theirs, pair[1])
	pid, err = nsenter.Fork(&nsenter.CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, player)
	unix.Close(pair[1])
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Error(err)
	}
	k = calls.NewKernel(f)
	if _, err := k.Call("", unix.SYS_GETPID).Now(); err != nil { // it has done by now what comes before
		t.Error(err)
	}
	return k, pid, func() {
		_ = unix.Kill(pid, unix.SIGKILL)
		reap(t, pid, pidfd)
		unix.Close(pidfd)
		unix.Close(pair[0])
		player.Free()
	}
}

// reap waits for the end of a child.
func reap(t *testing.T, pid, pidfd int) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if n != 1 {
			t.Errorf("process %d doesn't end: %v", pid, err)
			return
		}
		break
	}
	if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); got != pid {
		t.Errorf("reap process %d: %v", pid, err)
	}
}
