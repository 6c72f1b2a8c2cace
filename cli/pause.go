package cli

import (
	"context"

	urfave "github.com/urfave/cli/v3"
)

var pauseCommand = command{
	name:      "pause",
	usage:     "suspend all processes of a container",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Freezes every process of a container until it is resumed. If that takes
longer than ten seconds, none stays frozen.

EXAMPLE:
   # rung pause web`,
	build: func(a *app, _ *urfave.Command) action {
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			return r.Container(args[0]).Pause(context.Background())
		}
	},
}
