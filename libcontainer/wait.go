package libcontainer

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
)

// wait waits for the end of the process behind pidfd, and tells whether it has ended.
func wait(pidfd int, atMost time.Duration) bool {
	ended, _ := fdio.Await(pidfd, time.Now().Add(atMost))
	return ended
}

// waitUnless is wait that also ends when stop comes.
func waitUnless(stop *cancel.Signal, pidfd int, atMost time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, stop.Poll()}
	_, err := fdio.Poll(fds, time.Now().Add(atMost))
	return err == nil && fds[0].Revents != 0
}

// killWait bounds the wait for a killed process.
const killWait = 10 * time.Second

// How long an init is waited for that is certainly about to end, one of which it is likely, and one beside
// which a process was killed: a delete on a busy machine may come to the init some time after.
const (
	endWait       = 10 * time.Second
	likelyEndWait = 100 * time.Millisecond
	killedEndWait = 2 * time.Second
)
