package nsenter

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pairs makes n pairs of connected sockets (SOCK_SEQPACKET, close-on-exec) whose maker is
// nobody: a process that is gone when it returns. A socket knows its peer by who made the
// pair, and gives whoever asks a pidfd of that (SO_PEERPIDFD, Linux 6.5). In a process
// that a container sees it would lead to the runtime, and by CAP_SYS_PTRACE to all that
// the runtime has open.
func Pairs(n int) (list [][2]int, err error) {
	t := NewTape()
	var slots []Slot
	for range n {
		s := t.Alloc(8)
		t.noFD(s)
		t.noFD(s + 4)
		slots = append(slots, s)
		t.Call("make socket pair", unix.SYS_SOCKETPAIR, Int(unix.AF_UNIX), Int(unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC), Int(0), s.Addr())
	}
	t.Call("end", unix.SYS_EXIT_GROUP, Int(0))
	p, err := NewLocal(t.Image())
	if err != nil {
		return nil, err
	}
	defer p.Free()
	// It shares our descriptors, so that what it makes is ours. (It runs no Go.)
	pid, err := Vfork(&CloneArgs{Flags: unix.CLONE_FILES}, p)
	if err != nil {
		return nil, fmt.Errorf("fork: %w", err)
	}
	ws := reap(pid)
	for _, s := range slots {
		list = append(list, [2]int{p.Arena.Int32(s), p.Arena.Int32(s + 4)})
	}
	if e := p.Progress.Errno; e != 0 {
		err = syscall.Errno(e)
	} else if ws.Signaled() {
		err = fmt.Errorf("helper was killed by signal %d", ws.Signal())
	}
	if err != nil {
		for _, pair := range list {
			for _, fd := range pair {
				if fd >= 0 {
					unix.Close(fd)
				}
			}
		}
		return nil, fmt.Errorf("make socket pair: %w", err)
	}
	return list, nil
}
