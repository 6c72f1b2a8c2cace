package cli

import (
	"context"

	urfave "github.com/urfave/cli/v3"
)

var resumeCommand = command{
	name:      "resume",
	usage:     "let the processes of a paused container run again",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Thaws every process of a paused container.

EXAMPLE:
   # rung resume web`,
	build: func(a *app, _ *urfave.Command) action {
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			return r.Container(args[0]).Resume(context.Background())
		}
	},
}
