package libcontainer

import (
	"time"

	"github.com/rung-oci/rung/internal/fdio"
)

// wait waits for the end of the process behind pidfd, and tells whether it has ended.
func wait(pidfd int, atMost time.Duration) bool {
	ended, _ := fdio.Await(pidfd, time.Now().Add(atMost))
	return ended
}

// killWait bounds the wait for a killed process.
const killWait = 10 * time.Second

// How long an init is waited for that is certainly about to end, and one of which it is likely.
const (
	endWait       = 10 * time.Second
	likelyEndWait = 100 * time.Millisecond
)
