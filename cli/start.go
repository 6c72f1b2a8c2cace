package cli

import (
	"context"

	urfave "github.com/urfave/cli/v3"
)

var startCommand = command{
	name:      "start",
	traced:    true,
	usage:     "run the program of a created container",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Lets a container that "rung create" made run its program. It is an error if
the program can't be executed.

EXAMPLE:
   # rung start web`,
	build: func(a *app, _ *urfave.Command) action {
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			return r.Container(args[0]).Start(context.Background())
		}
	},
}
