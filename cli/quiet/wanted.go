// Package quiet has the threads that the Go runtime makes for itself wake less often in
// `create`, `run` and `exec`. Only a program whose arguments are rung's may import it.
package quiet

import (
	"os"
	"strings"
)

func init() {
	if wanted(os.Args, os.Getenv("LISTEN_FDS")) && os.Geteuid() == 0 {
		quiet()
	}
}

// wanted guesses whether the command line will make a container. To be wrong
// costs some system calls. Where descriptors are to be preserved nothing may be opened
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
