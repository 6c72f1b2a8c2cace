package libcontainer

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// An ExitStatus is an exit code, or 128 and the number of the signal that has ended the process.
type ExitStatus int

// Success tells whether the process has ended with exit code 0.
func (s ExitStatus) Success() bool { return s == 0 }

// String is "exit status N".
func (s ExitStatus) String() string { return "exit status " + strconv.Itoa(int(s)) }

func exitStatus(ws unix.WaitStatus) ExitStatus {
	if ws.Signaled() {
		return 128 + ExitStatus(ws.Signal())
	}
	return ExitStatus(ws.ExitStatus())
}
