package cli

import (
	"context"
	"errors"
	"fmt"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

var runCommand = command{
	name:      "run",
	traced:    true,
	usage:     "create a container, start it and wait for it",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Does what "rung create" and "rung start" do. Without --detach it then hands
signals on to the container, waits for it to end, deletes it, and exits with its
exit code; with 128 plus the signal's number if a signal ended it.

EXAMPLE:
   # mkdir -p box/rootfs && tar -C box/rootfs -xf busybox.tar
   # rung spec --bundle box
   # rung run --bundle box box1`,
	build: func(a *app, c *urfave.Command) action {
		o, status := new(libcontainer.RunOptions), false
		c.Flags = append(createFlags(&o.CreateOptions),
			&urfave.BoolFlag{
				Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach,
				Usage: "return once the container runs",
			},
			&urfave.BoolFlag{
				Name: "keep", Destination: &o.Keep,
				Usage: "don't delete the container when it ends",
			},
			&urfave.BoolFlag{
				Name: "keep-status", Destination: &status,
				Usage: "with --detach, leave a process that writes down how the container ends, for state and wait (Linux 6.15)",
			},
			&urfave.BoolFlag{
				Name: "no-subreaper", Destination: &o.NoSubreaper,
				Usage: "don't adopt and reap the container's orphaned processes",
			})
		return func(args []string) error {
			if status && !o.Detach {
				return errors.New("option --keep-status: it is for --detach; --keep keeps the status too")
			}
			if status {
				o.Keeper = func(pidfd int) error { return a.startKeeper(args[0], pidfd) }
			}
			err := a.runContainer(o, args[0])
			if err == nil {
				return nil
			}
			_, exec := errors.AsType[*libcontainer.ExecError](err)
			if err = fmt.Errorf("rung run failed: %w", err); exec {
				return &exitError{err, exitExecFailed} // as with runc, whose process it is that exits
			}
			return err
		}
	},
}

func (a *app) runContainer(o *libcontainer.RunOptions, id string) error {
	r, err := a.creator(&o.CreateOptions, id)
	if err != nil {
		return err
	}
	status, err := r.Run(context.Background(), o)
	a.code = int(status)
	return err
}
