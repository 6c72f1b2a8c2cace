package nsenter

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// A Holder is a process that does nothing. It keeps a place, such as a unit of
// systemd that must not be empty, until the process comes that it is made for.
type Holder struct {
	PID  int
	pipe int
}

// Hold makes a Holder as a child of ours: a fork without a program or a descriptor
// of its own. It ends with us, however we end. Nobody else's wait finds it.
func Hold() (*Holder, error) { return hold(0, nil) }

// HoldUser is Hold in a new user namespace, that has no id maps yet: for what
// takes a namespace only for its maps.
func HoldUser() (*Holder, error) { return hold(unix.CLONE_NEWUSER, nil) }

// HoldIn is Hold in an existing user namespace, for what is to be known of that. Nobody
// there can look into the process: it has made itself undumpable before.
func HoldIn(user int) (*Holder, error) { return holdIn(user, func(*Tape) {}) }

// HoldMounts is HoldIn, in a copy of our mount namespace that belongs to the user namespace: flags of mounts are locked there
// (mount_namespaces(7)). Nothing that is mounted or unmounted on one side gets to the other.
func HoldMounts(user int) (*Holder, error) {
	return holdIn(user, func(t *Tape) {
		t.Call("unshare mount namespace", unix.SYS_UNSHARE, Int(unix.CLONE_NEWNS))
		t.Call("make mounts private", unix.SYS_MOUNT, Int(0), t.Str("/"), Int(0), Uint(unix.MS_PRIVATE|unix.MS_REC), Int(0))
	})
}

func holdIn(user int, more func(*Tape)) (*Holder, error) {
	var ready [2]int
	if err := unix.Pipe2(ready[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(ready[0])
	h, err := hold(0, func(t *Tape) {
		t.Call("become undumpable", unix.SYS_PRCTL, Int(unix.PR_SET_DUMPABLE), Int(0), Int(0), Int(0), Int(0))
		t.Call("join user namespace", unix.SYS_SETNS, Int(user), Int(unix.CLONE_NEWUSER))
		more(t)
		t.Call("report", unix.SYS_WRITE, Int(ready[1]), t.Bytes([]byte{1}), Int(1))
	})
	unix.Close(ready[1])
	if err != nil {
		return nil, err
	}
	if n, _ := fdio.Read(ready[0], make([]byte, 1)); n != 1 {
		h.Release()
		return nil, errors.New("a process can't join the user namespace")
	}
	return h, nil
}

// hold makes a holder that does first what begin adds.
func hold(flags uint64, begin func(*Tape)) (*Holder, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(pipe[0])
	t := NewTape()
	if begin != nil {
		begin(t)
	}
	t.Call("take pipe", unix.SYS_DUP3, Int(pipe[0]), Int(0), Int(0))
	t.Call("close descriptors", unix.SYS_CLOSE_RANGE, Int(1), Uint(^uintptr(0)>>1), Int(0))
	t.Call("name process", unix.SYS_PRCTL, Int(unix.PR_SET_NAME), t.Str("rung-holder"))
	t.Call("wait", unix.SYS_READ, Int(0), t.Bytes([]byte{0}), Int(1))
	t.Call("end", unix.SYS_EXIT_GROUP, Int(0))
	p, err := NewLocal(t.Image())
	if err != nil {
		unix.Close(pipe[1])
		return nil, err
	}
	defer p.Free() // the child's mapping is its own
	pid, err := Fork(&CloneArgs{Flags: flags}, p)
	if err != nil {
		unix.Close(pipe[1])
		return nil, fmt.Errorf("fork: %w", err)
	}
	return &Holder{PID: pid, pipe: pipe[1]}, nil
}

// Release ends the process. It can be called twice.
func (h *Holder) Release() {
	if h == nil || h.PID == 0 {
		return
	}
	unix.Close(h.pipe)
	reap(h.PID)
	h.PID = 0
}
