package cli

import (
	"context"
	"fmt"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

var createCommand = command{
	name:      "create",
	traced:    true,
	usage:     "create a container",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Makes a container of a bundle: a directory with the file config.json and the
root filesystem that it names. Namespaces, cgroups and mounts are made, and the
container's first process waits for "rung start" to run the program that
config.json describes. <container-id> must be unique on the host.

The container inherits rung's standard streams. If config.json asks for a
terminal, --console-socket must say who gets it.

EXAMPLE:
   # rung create --bundle /containers/web --pid-file /run/web.pid web
   # rung start web`,
	build: func(a *app, c *urfave.Command) action {
		o := new(libcontainer.CreateOptions)
		c.Flags = append(createFlags(o),
			// crun has it; for what waits for the container, create makes no difference.
			&urfave.BoolFlag{Name: "no-subreaper", Hidden: true})
		return func(args []string) error {
			if err := a.create(o, args[0]); err != nil {
				return fmt.Errorf("rung create failed: %w", err)
			}
			return nil
		}
	},
}

func (a *app) create(o *libcontainer.CreateOptions, id string) error {
	o.Detach = true
	r, err := a.creator(o, id)
	if err != nil {
		return err
	}
	_, err = r.Create(context.Background(), o)
	return err
}
