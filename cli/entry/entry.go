// Package entry is where the program begins: before the Go runtime does.
//
// Whoever calls a runtime hands his environment on, and engines are Go programs that
// are tuned by variables (GOMEMLIMIT, GOGC, GODEBUG, GOTRACEBACK, GOMAXPROCS). Those
// are about another program: they would slow us down, print on our stderr, or end us
// before our first line. The linker makes the function entry of this package the
// entry point (-E, see the Makefile), which takes them out of what the Go runtime will
// read, and goes on to the usual one. It costs nothing. A player in Go has an
// environment of ours, which stays.
//
// A program that was linked in another way, or for an architecture that has no entry
// of ours, executes itself again without them if there are any.
//
// Threads that the Go runtime makes for itself wake less often (see [spawn.Slack]), and its first allocation isn't sampled for a profile of memory.
//
// And where the Go runtime can get neither threads nor memory it says a line, in the
// place of a dump of its stacks.
//
// Only a program whose process is rung's may import this package.
package entry

import (
	"os"
	"strings"
	"syscall"

	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/nsenter"
)

// tuning are the variables that tune the Go runtime.
var tuning = [...]string{"GOGC=", "GOMEMLIMIT=", "GODEBUG=", "GOTRACEBACK=", "GOMAXPROCS="}

func init() {
	if overrideWrite != nil { // the program began with entry
		makeThread(os.Args)
		syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, nsenter.TimerSlack, 0)
		return
	}
	overrideWrite = writer
	if len(os.Args) > 0 && os.Args[0] == spawn.Name {
		return
	}
	if env := os.Environ(); tuned(env) {
		// If that can't be, such as without a procfs, we live with them.
		_ = syscall.Exec("/proc/self/exe", os.Args, untuned(env))
	}
}

func tuned(env []string) bool { return len(untuned(env)) != len(env) }

// untuned is the environment without what tunes the Go runtime.
func untuned(env []string) []string {
	list := make([]string, 0, len(env))
	for _, e := range env {
		if !tunes(e) {
			list = append(list, e)
		}
	}
	return list
}

// secure is what the Go runtime itself puts there where the kernel says that the caller isn't to be trusted (AT_SECURE: a
// program with set ids or file capabilities, a caller whose effective ids are others than his real ones).
// It would be there each time, and does no harm.
const secure = "GOTRACEBACK=none"

func tunes(e string) bool {
	if e == secure {
		return false
	}
	for _, name := range tuning {
		if strings.HasPrefix(e, name) {
			return true
		}
	}
	return false
}
