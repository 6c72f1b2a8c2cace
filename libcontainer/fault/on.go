//go:build faultpoints

package fault

import (
	"os"
	"strconv"
	"syscall"
)

// wanted is the point at which this process shall die. The environment names
// it; the init stage, which has none, gets it with its orders.
var wanted = os.Getenv("RUNG_FAULT")

// Wanted is the point at which this process shall die.
func Wanted() string { return wanted }

// Set chooses the point.
func Set(point string) { wanted = point }

// Point kills the process if it is the wanted point.
func Point(name string) {
	if name == wanted {
		syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// Step is a numbered point.
func Step(name string, i int) { Point(name + strconv.Itoa(i)) }
