package cgroups

import "golang.org/x/sys/unix"

// OOMWatch tells of processes that the kernel kills in a cgroup for want of
// memory. [Meter.WatchOOM] makes it.
type OOMWatch struct {
	// FD is readable (POLLIN) when there may be something to Read. The watch owns it.
	FD int
	// Count reads what FD has and returns how many events there were since the last
	// call. It doesn't block while FD is readable.
	Count func() (uint64, error)
}

// Close ends the watch.
func (w *OOMWatch) Close() { unix.Close(w.FD) }
