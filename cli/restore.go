package cli

import (
	"context"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

var restoreCommand = command{
	name:      "restore",
	usage:     "make a container of images",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Has CRIU, which must be installed (3.17 or later), make a container's processes
as they were when they were dumped. The bundle must be that of the dumped
container, or one like it: cgroups get the limits of its config.json, mounts from
outside and namespaces with a path are those that it names, and the root
filesystem has to have the files that the processes have open. The id may be
another one.

Without --detach it then hands signals on to the container, waits for it to end,
deletes it, and exits with its exit code. If the container has a terminal,
--console-socket must say who gets that of a detached one.

EXAMPLE:
   # rung restore --detach --bundle /containers/web --image-path /srv/web.images web`,
	build: func(a *app, c *urfave.Command) action {
		o := new(libcontainer.RestoreOptions)
		var f criuFlags
		c.Flags = append(restoreFlags(o), f.flags(&o.CRIUOptions)...)
		return func(args []string) error {
			if err := f.complete(&o.CRIUOptions); err != nil {
				return err
			}
			if o.LazyPages && !c.IsSet("timeout") {
				o.Timeout = 0
			}
			r, err := a.creator(&o.CreateOptions, args[0])
			if err != nil {
				return err
			}
			status, err := r.Restore(context.Background(), o)
			a.code = int(status)
			return err
		}
	},
}

// restoreFlags are the flags that checkpoint doesn't have.
func restoreFlags(o *libcontainer.RestoreOptions) []urfave.Flag {
	var list []urfave.Flag
	for _, f := range createFlags(&o.CreateOptions) {
		if f.Names()[0] != "no-new-keyring" { // whose keyring a process has is nothing that images say
			list = append(list, f)
		}
	}
	return append(list,
		&urfave.BoolFlag{
			Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach,
			Usage: "return once the container runs",
		},
		&urfave.BoolFlag{
			Name: "no-subreaper", Destination: &o.NoSubreaper,
			Usage: "don't adopt and reap the container's orphaned processes",
		},
		&urfave.BoolFlag{Name: "tcp-close", Destination: &o.CloseTCP, Usage: "close TCP connections that were established"},
		&urfave.StringFlag{
			Name: "lsm-profile", Destination: &o.Profile,
			Usage: "label of the processes in place of the one that they had: `TYPE:NAME`, of type apparmor or selinux",
		},
		&urfave.StringFlag{
			Name: "lsm-mount-context", Destination: &o.MountContext,
			Usage: "SELinux `label` of mounts in place of the one that they had",
		},
	)
}
