// Package early prepares `create`, `run` and `exec` while the program's other packages
// are still being initialized. Where there is no [nsenter.Program] it starts the init
// stage: it is what these commands wait for the longest. Only a program whose arguments are rung's may import it.
package early

import (
	"os"
	"strings"

	"github.com/rung-oci/rung/libcontainer/spawn"
	"github.com/rung-oci/rung/nsenter"
)

func init() {
	if wanted(os.Args, os.Getenv("LISTEN_FDS")) && os.Geteuid() == 0 {
		if !nsenter.HaveProgram {
			spawn.Ahead()
		}
		quiet()
	}
}

// wanted guesses whether the command line will make a container. To be wrong
// costs a process. Where descriptors are to be preserved nothing may be opened
// before they are checked.
func wanted(args []string, listen string) bool {
	if listen != "" || len(args) == 0 {
		return false
	}
	found := false
	for _, a := range args[1:] {
		switch {
		case a == "run" || a == "create" || a == "exec":
			found = true
		case a == "-h" || strings.HasPrefix(a, "-") && (strings.Contains(a, "help") || strings.Contains(a, "preserve-fds")):
			return false
		}
	}
	return found
}
