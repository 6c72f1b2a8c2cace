package cgfile

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// batch bounds how many pidfds Signal holds at a time.
const batch = 64

// Signal sends a signal once to every process in the cgroup and below that
// isn't in seen yet, adds them to seen and returns how many they were. It never
// signals a process outside: a pid is opened first, and the signal goes through
// that descriptor only if the cgroup lists the pid after it was opened.
func Signal(d Dir, sig unix.Signal, seen map[int]bool) (fresh int, err error) {
	visit := func(sub Dir) error {
		n, err := sub.signal(sig, seen)
		fresh += n
		return err
	}
	if err := visit(d); err != nil {
		return fresh, err
	}
	return fresh, d.walk(visit, nil)
}

// SignalOf is Signal for a directory by its path.
func SignalOf(path string, sig unix.Signal) error {
	return In(path, func(d Dir) error {
		_, err := Signal(d, sig, map[int]bool{})
		return err
	})
}

func (d Dir) signal(sig unix.Signal, seen map[int]bool) (fresh int, err error) {
	pids, err := d.procs()
	if err != nil {
		return 0, err
	}
	pids = slices.DeleteFunc(pids, func(pid int) bool { return seen[pid] })
	for part := range slices.Chunk(pids, batch) {
		if e := d.signalPart(sig, part); e != nil && err == nil {
			err = e
		}
		for _, pid := range part {
			seen[pid] = true
		}
	}
	return len(pids), err
}

func (d Dir) signalPart(sig unix.Signal, pids []int) error {
	fds := make(map[int]int, len(pids))
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ESRCH || err == unix.ENOENT || err == unix.EINVAL { // gone, or a thread's by now
			continue
		}
		if err != nil {
			return fmt.Errorf("open process %d of cgroup %s: %w", pid, d.path, err)
		}
		fds[pid] = fd
	}
	members, err := d.procs()
	if err != nil {
		return err
	}
	for _, pid := range members {
		fd, ok := fds[pid]
		if !ok {
			continue
		}
		if e := unix.PidfdSendSignal(fd, sig, nil, 0); e != nil && e != unix.ESRCH && err == nil {
			err = fmt.Errorf("signal process %d of cgroup %s: %w", pid, d.path, e)
		}
	}
	return err
}
