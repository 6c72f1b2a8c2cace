package nsenter

import (
	"sync"

	"golang.org/x/sys/unix"
)

// dumpable keeps what the process was while children that share its memory change their
// ids, several at a time, which makes that memory undumpable.
var dumpable struct {
	sync.Mutex
	changing int
	was      bool
}

// keepDumpable notes whether the process can be dumped. After the last of those that have
// called it at the same time has called the result, it is as before.
func keepDumpable() (restore func()) {
	dumpable.Lock()
	defer dumpable.Unlock()
	if dumpable.changing++; dumpable.changing == 1 {
		was, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		dumpable.was = err == nil && was == 1
	}
	return func() {
		dumpable.Lock()
		defer dumpable.Unlock()
		if dumpable.changing--; dumpable.changing == 0 && dumpable.was {
			unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
		}
	}
}
