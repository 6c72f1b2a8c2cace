package spawn

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Name is argv[0] of a player in Go.
const Name = "rung-init"

// environment is that of a player in Go: it does one thing
// after the other, and every thread that the Go runtime doesn't make is time. Files of its cgroup, which the Go runtime
// would keep open, are the host's; in a program that isn't rung no go.mod of ours says so.
var environment = []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0"}

// called tells whether this process was started as a player.
func called() bool { return len(os.Args) == 1+len(numbers{}) && os.Args[0] == Name }

// In a player the program ends here, before most packages are initialized.
func init() {
	if called() {
		os.Exit(play())
	}
}

// play has a fork play the tape, because a process with several threads can't enter a user namespace, and waits until that
// has come to its end. It is our parent's child, as all are that it clones. The exit status tells which step failed.
func play() int {
	// Before anything is forked: no process of a container may be traced, or its
	// descriptors taken, by root of a user namespace (CVE-2016-9962).
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	unix.Prctl(unix.PR_SET_TIMERSLACK, nsenter.TimerSlack, 0, 0, 0)
	var n numbers
	err := n.parse(os.Args[1:])
	hideArguments()
	if err != nil {
		return 2
	}
	arena, err := nsenter.JoinProgram(n[0], n[1])
	if err != nil {
		return 3
	}
	progress, err := nsenter.MapProgress(n[4])
	if err != nil {
		return 4
	}
	ca := &nsenter.CloneArgs{
		Flags:     unix.CLONE_PARENT | unix.CLONE_PARENT_SETTID | unix.CLONE_VFORK,
		ParentTID: uint64(arena.Addr(nsenter.Slot(n[5]))),
	}
	if _, err := nsenter.Fork(ca, nsenter.Player{Arena: arena, Ops: uint32(n[2]), Count: uint32(n[3]), Progress: progress}); err != nil {
		return 5
	}
	return 0
}

// hideArguments empties our command line, but for our name, and our environment: the first process has
// a copy of our memory, and /proc/PID/cmdline asks nobody's permission. The
// strings of os.Args are the kernel's own copy, and those of the environment
// follow them.
func hideArguments() {
	last := os.Args[len(os.Args)-1]
	next := unsafe.Add(unsafe.Pointer(unsafe.StringData(last)), len(last)+1)
	for _, e := range environment {
		if mem := unsafe.Slice((*byte)(next), len(e)); string(mem) == e {
			clear(mem)
		}
		next = unsafe.Add(next, len(e)+1)
	}
	for i, a := range os.Args[1:] { // the first is our name
		clear(unsafe.Slice(unsafe.StringData(a), len(a)))
		os.Args[1+i] = ""
	}
}
