package libcontainer

import "golang.org/x/sys/unix"

// wait waits for the end of the process behind pidfd, at most ms milliseconds.
func wait(pidfd, ms int) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, ms)
		if err == unix.EINTR {
			continue
		}
		return n > 0
	}
}

// killWait bounds the wait for a killed process, in milliseconds.
const killWait = 10_000

// How long an init is waited for, in milliseconds, that is certainly about to
// end, and one of which it is likely.
const (
	endWait       = 10_000
	likelyEndWait = 100
)
