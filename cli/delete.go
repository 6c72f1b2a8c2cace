package cli

import (
	"context"

	urfave "github.com/urfave/cli/v3"
)

var deleteCommand = command{
	name:      "delete",
	traced:    true,
	usage:     "delete a container that doesn't run",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Deletes what is left of a stopped container, or a created one, which it kills:
cgroups and state. A running or paused container is deleted only with --force.
So is one whose cgroups aren't mounted here as where it was created: they stay,
and a warning names them.

EXAMPLE:
   # rung delete web
   # rung delete --force stubborn`,
	build: func(a *app, c *urfave.Command) action {
		var force bool
		c.Flags = []urfave.Flag{&urfave.BoolFlag{
			Name: "force", Aliases: []string{"f"}, Destination: &force,
			Usage: "kill the container if it runs; no error if there is none",
		}}
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			return r.Container(args[0]).Delete(context.Background(), force)
		}
	},
}
