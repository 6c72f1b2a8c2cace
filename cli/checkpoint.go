package cli

import (
	"errors"
	"math"

	urfave "github.com/urfave/cli/v3"
)

// Engines find out whether a runtime has checkpoints by asking for the help of these
// commands: podman takes an exit code of 0, or of `restore --lsm-mount-context` a word
// about its argument, for a yes. So they have no options, and no help.
var (
	checkpointCommand = missing("checkpoint")
	restoreCommand    = missing("restore")
)

// missing is a command of runc's that rung doesn't have yet.
func missing(name string) command {
	return command{
		name:    name,
		usage:   "not supported yet",
		hidden:  true,
		raw:     true,
		maxArgs: math.MaxInt,
		build: func(a *app, _ *urfave.Command) action {
			return func([]string) error {
				if err := a.begin(); err != nil {
					return err
				}
				return errors.New(name + " is not supported yet")
			}
		},
	}
}
