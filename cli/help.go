package cli

import (
	"context"
	"runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/seccomp"
)

const rootDescription = `A container is made of a bundle: a directory with the file config.json, which
describes what to run and how to isolate it, and with a root filesystem. Engines
such as containerd, Docker, Podman and CRI-O call rung for each container.

EXAMPLE:
   # rung spec --bundle box             write an example of config.json
   # rung run --bundle box box1         run it and wait

   # rung create --bundle box box1      or step by step
   # rung start box1
   # rung state box1
   # rung kill box1 KILL
   # rung delete box1`

var helpCommand = command{
	name:      "help",
	usage:     "show help, of a command if one is given",
	argsUsage: "[command [command]]",
	maxArgs:   2,
	build: func(_ *app, c *urfave.Command) action {
		return func(args []string) error {
			if len(args) == 0 {
				return urfave.ShowRootCommandHelp(c.Root())
			}
			of := c.Root().Command(args[0])
			if of == nil {
				return unknownCommand(c.Root(), args[0])
			}
			if len(args) == 1 {
				return urfave.ShowCommandHelp(context.Background(), c.Root(), args[0])
			}
			if of.Command(args[1]) == nil {
				return hasNone(of, args[1])
			}
			return urfave.ShowCommandHelp(context.Background(), of, args[1])
		}
	},
}

// printVersion writes lines that engines read: the first must end with the
// version, and the keys are runc's.
func (a *app) printVersion(*urfave.Command) {
	var b strings.Builder
	version, commit := a.built()
	b.WriteString("rung version " + version + "\n")
	if commit != "" {
		b.WriteString("commit: " + commit + "\n")
	}
	b.WriteString("spec: " + specs.Version + "\n")
	b.WriteString("go: " + runtime.Version() + "\n")
	if library := seccomp.Library(); library != "" {
		b.WriteString("libseccomp: " + library + "\n")
	}
	a.unwritten = a.print([]byte(b.String()))
}
