package entry

import (
	"runtime"

	"github.com/rung-oci/rung/internal/spawn"
)

// slack is the timer slack of the threads that the Go runtime makes before any package is initialized, which [spawn.Slack] says
// more about. The main thread gets the usual one back.
const slack = spawn.Slack //nolint:unused // entry, in assembler, reads it

// makeThread has the Go runtime start a thread that `create`, `run` and `exec` start anyhow: who locks a goroutine to its thread for the
// first time has one made that others can be made from. For each that it makes it walks up the stack, which is short here.
func makeThread(args []string) {
	if makesProcess(args) {
		runtime.LockOSThread()
		runtime.UnlockOSThread()
	}
}

// makesProcess guesses whether the command line will make a process of a container. To be wrong costs a thread.
func makesProcess(args []string) bool {
	for _, a := range args[min(1, len(args)):] {
		if a == "run" || a == "create" || a == "exec" {
			return true
		}
	}
	return false
}
