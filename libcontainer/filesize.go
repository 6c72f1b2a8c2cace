package libcontainer

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// callersFileSize is the RLIMIT_FSIZE that our caller gave us, if we have raised ours.
var callersFileSize atomic.Pointer[unix.Rlimit]

// raiseFileSize is [Effects.FileSize].
func (r *Runtime) raiseFileSize() {
	var own unix.Rlimit
	if r == nil || !r.Effects.FileSize || callersFileSize.Load() != nil || unix.Getrlimit(unix.RLIMIT_FSIZE, &own) != nil || own.Cur == own.Max {
		return
	}
	if unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: own.Max, Max: own.Max}) == nil {
		callersFileSize.Store(&own)
	}
}

// fileSize is what a container has of its caller's limit: nothing says that ours isn't it.
func fileSize() (limit [2]uint64) {
	if l := callersFileSize.Load(); l != nil {
		limit = [2]uint64{l.Cur, l.Max}
	}
	return limit
}
