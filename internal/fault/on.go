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
// runtime. "first:" before it means that the process which builds dies, mostly the container's
// first one, when the runtime comes to the point; "panic:" that the runtime panics there.
var (
	wanted = os.Getenv("RUNG_FAULT")
	victim = syscall.Getpid()
)

// First says which process builds.
func First(pid int) {
	if point, ok := strings.CutPrefix(wanted, "first:"); ok {
		wanted, victim = point, pid
	}
}

// Awaits tells whether the process that builds shall die, which has to be there before the runtime comes to the point.
func Awaits() bool { return strings.HasPrefix(wanted, "first:") }

// Point kills the victim if it is the wanted point.
func Point(name string) {
	if wanted == "panic:"+name {
		panic("fault at " + name)
	}
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
