package cli

import (
	"context"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

// Engines find out whether a runtime has checkpoints by asking for this command's help.
var checkpointCommand = command{
	name:      "checkpoint",
	usage:     "dump a container to images",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Has CRIU, which must be installed (3.17 or later), write the state of all of a
container's processes to a directory, and removes the container. With
--leave-running it runs on; with --pre-dump only its memory is written, and a
later checkpoint with --parent-path writes what has changed since. A container
whose checkpoint fails runs on as it did.

What CRIU is to do beyond that can be in a file of its configuration: the one
that the annotation org.criu.config names, or /etc/criu/runc.conf.

--check says what would stop a checkpoint with the options given: open terminals,
sockets and files of the outside, rings of io_uring and more, by process and
descriptor, each with what can be done about it; and what CRIU says of the kernel.

EXAMPLE:
   # rung checkpoint --check web
   # rung checkpoint --image-path /srv/web.images web
   # rung restore --detach --bundle /containers/web --image-path /srv/web.images web

   # rung checkpoint --pre-dump --image-path /srv/1 web
   # rung checkpoint --parent-path ../1 --image-path /srv/2 web`,
	build: func(a *app, c *urfave.Command) action {
		o, server := &libcontainer.CheckpointOptions{StatusFD: -1}, ""
		check, format := false, ""
		var f criuFlags
		c.Flags = append(f.flags(&o.CRIUOptions),
			&urfave.StringFlag{Name: "parent-path", Destination: &o.Parent, Usage: "`directory` of a pre-dump's images, relative to that of these"},
			&urfave.BoolFlag{Name: "leave-running", Destination: &o.LeaveRunning, Usage: "let the container run on"},
			&urfave.BoolFlag{Name: "pre-dump", Destination: &o.PreDump, Usage: "write memory only, and let the container run on"},
			&urfave.BoolFlag{Name: "tcp-skip-in-flight", Destination: &o.SkipInFlight, Usage: "leave TCP connections out that aren't established yet"},
			&urfave.BoolFlag{Name: "link-remap", Destination: &o.LinkRemap, Usage: "give files a name that have none any more"},
			&numberFlag{Name: "status-fd", Destination: &o.StatusFD, Value: -1, DefaultText: "none", Usage: "`descriptor` to write a zero byte to when lazy pages can be fetched"},
			&urfave.BoolFlag{Name: "check", Destination: &check, Usage: "dump nothing, but say what would stop a dump; the exit code is 1 if something would"},
			&urfave.StringFlag{Name: "format", Destination: &format, Value: "text", Usage: "`format` of what --check says: text or json"},
			&urfave.StringFlag{Name: "page-server", Destination: &server, Usage: "`ADDRESS:PORT` of the server that takes the memory"},
		)
		return func(args []string) error {
			err := f.complete(&o.CRIUOptions)
			if err != nil {
				return err
			}
			if o.ServerAddress, o.ServerPort, err = pageServer(server); err != nil {
				return err
			}
			if (o.PreDump || o.LazyPages) && !c.IsSet("timeout") {
				o.Timeout = 0
			}
			r, err := a.runtime()
			if err != nil {
				return err
			}
			if check {
				return a.checkCheckpoint(r, args[0], format, o)
			}
			return r.Container(args[0]).Checkpoint(context.Background(), o)
		}
	},
}
