//go:build faultpoints

package fault

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// wanted is the point at which a process shall die, from the environment of the
// runtime; "parent:" before it means that the runtime itself dies when its
// stage or builder comes to the point. They have no environment and get it with
// their orders, with the runtime's pid before it. "first:" means that the container's
// first process dies when the runtime comes to the point.
var (
	wanted = os.Getenv("RUNG_FAULT")
	victim = syscall.Getpid()
)

// Wanted is what the orders carry.
func Wanted() string {
	if strings.HasPrefix(wanted, parent) {
		return strconv.Itoa(syscall.Getpid()) + " " + strings.TrimPrefix(wanted, parent)
	}
	return "0 " + wanted
}

const parent = "parent:"

// Set takes what the orders carry.
func Set(s string) {
	pid, point, _ := strings.Cut(s, " ")
	wanted = point
	if n, _ := strconv.Atoi(pid); n > 0 {
		victim = n
	}
}

// First says which process is the container's first one, where the runtime itself comes to the points.
func First(pid int) {
	wanted = strings.TrimPrefix(wanted, parent)
	if point, ok := strings.CutPrefix(wanted, "first:"); ok {
		wanted, victim = point, pid
	}
}

// Point kills the victim if it is the wanted point.
func Point(name string) {
	if name != wanted {
		return
	}
	syscall.Kill(victim, syscall.SIGKILL)
	if victim == syscall.Getpid() {
		select {}
	}
}

// Step is a numbered point.
func Step(name string, i int) { Point(name + strconv.Itoa(i)) }

// Text is what a test puts, by the environment, in the place of something that no
// machine here has.
func Text(name string) string { return os.Getenv(name) }

// Finish writes how many objects the program has allocated to the file that a test
// names.
func Finish() {
	if name := os.Getenv("RUNG_ALLOCATIONS"); name != "" {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_ = os.WriteFile(name, strconv.AppendUint(nil, m.Mallocs, 10), 0o600)
	}
}
