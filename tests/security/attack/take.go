package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/descriptor"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

// A taker takes descriptors from processes as fast as it can. It has CAP_SYS_PTRACE,
// so nothing but their not being there keeps them from it.
type taker struct {
	report.Take
	snooper // finds the processes, and tells them from the program
	met     map[string]bool
	root    uint64 // the inode of the host's root directory
}

func take(target string, root uint64) *report.Take {
	t := &taker{snooper: snooper{target: target}, met: make(map[string]bool), root: root}
	t.Take = report.Take{Got: count{}, Host: count{}}
	self := os.Getpid()
	for !stopped() {
		for _, pid := range pids() {
			if pid != self && pid != 1 {
				t.from(pid)
			}
		}
	}
	return &t.Take
}

// from takes all that a process has, if it isn't the program yet.
func (t *taker) from(pid int) {
	v := &victim{pid: pid, dir: "/proc/" + strconv.Itoa(pid)}
	stat, err := read(v.dir + "/stat")
	if err != nil {
		return
	}
	state, at := start(stat)
	if state == "Z" || state == "X" || !t.before(v) {
		return
	}
	if key := v.dir + at; !t.met[key] {
		t.met[key] = true
		t.Take.Tasks++
		met(t.Take.Tasks)
	}
	t.Take.Looks++
	t.places(v)
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(pidfd)
	for n := 3; n < 32; n++ {
		fd, err := unix.PidfdGetfd(pidfd, n, 0)
		if err == unix.EPERM {
			t.Take.Refused++
		}
		if err != nil {
			continue
		}
		what, ok := descriptor.Judge(pid, "/proc/self/fd/"+strconv.Itoa(fd))
		further := peers(fd)
		unix.Close(fd)
		if what == "" || !t.before(v) {
			continue
		}
		if further > 0 {
			t.Host["socket, by whose peer one comes to "+strconv.Itoa(further)+" more descriptors"]++
		}
		t.Got[what]++
		if !ok {
			t.Host[what]++
		}
	}
}

// peers counts the descriptors that can be had by way of a socket: of who made it.
func peers(fd int) (n int) {
	const peerPidfd = 77 // SO_PEERPIDFD, Linux 6.5
	peer, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, peerPidfd)
	if err != nil {
		return 0
	}
	defer unix.Close(peer)
	for i := range 16 {
		if got, err := unix.PidfdGetfd(peer, i, 0); err == nil {
			unix.Close(got)
			n++
		}
	}
	return n
}

// before tells whether the process isn't the program yet.
func (t *taker) before(v *victim) bool {
	comm := t.comm(v)
	return comm != "" && comm != t.target
}

// places looks whether the root and the working directory of a process are the host's.
func (t *taker) places(v *victim) {
	for name, n := range map[string]*int{"root": &t.Take.Root, "cwd": &t.Take.Cwd} {
		var st unix.Stat_t
		fd, err := unix.Open(v.dir+"/"+name, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			continue
		}
		if unix.Fstat(fd, &st) == nil && st.Ino == t.root && t.before(v) {
			*n++
		}
		unix.Close(fd)
	}
}
