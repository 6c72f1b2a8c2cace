// Package nap waits for a short time.
//
// time.Sleep, and whatever else has a timer, opens the descriptors of the Go runtime's
// poller when it is used first, and ends the program where there are none to be had: in
// the middle of what has to be taken back because descriptors are short.
package nap

import (
	"time"

	"golang.org/x/sys/unix"
)

// Sleep has the calling thread wait, at least for d.
func Sleep(d time.Duration) {
	left := unix.NsecToTimespec(max(0, d.Nanoseconds()))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}

// Until waits until done closes, at most for d, and tells whether it has.
func Until(done <-chan struct{}, d time.Duration) bool {
	const longest = 10 * time.Millisecond
	for end, pause := time.Now().Add(d), 50*time.Microsecond; ; pause = min(2*pause, longest) {
		select {
		case <-done:
			return true
		default:
		}
		if !time.Now().Before(end) {
			return false
		}
		Sleep(pause)
	}
}
