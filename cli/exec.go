package cli

import (
	"context"
	"fmt"
	"math"
	"os"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/inherited"
	"github.com/rung-oci/rung/libcontainer"
)

// exitExecFailed is the exit code of an exec whose process didn't come to run.
// All others are the process's own.
const exitExecFailed = 255

var execCommand = command{
	name:      "exec",
	traced:    true,
	usage:     "run another process in a container",
	argsUsage: "<container-id> <command> [arguments...] | --process file <container-id>",
	minArgs:   1,
	maxArgs:   math.MaxInt,
	description: `Runs a program in a container that is created or running: as its process would
be run, changed by the options, or as a file says. It exits with the program's exit
code, with 128 plus the signal's number if a signal ended it, and with 255 if it
couldn't be run. Options stand before the command.

EXAMPLE:
   # rung exec web ps -ef
   # rung exec -t --user 1000:1000 --cwd /srv web sh`,
	build: func(a *app, c *urfave.Command) action {
		two, o := 2, new(libcontainer.ExecOptions)
		nnp := false
		c.StopOnNthArg = &two
		c.DisableSliceFlagSeparator = true // values with a comma are values
		c.Flags = append(processFlags(o, &nnp), execFlags(o)...)
		return func(args []string) error {
			if c.IsSet("no-new-privs") {
				o.NoNewPrivileges = &nnp
			}
			o.Args = args[1:]
			if err := a.exec(o, args[0]); err != nil {
				return &exitError{fmt.Errorf("exec failed: %w", err), exitExecFailed}
			}
			return nil
		}
	},
}

// processFlags change the container's process.
func processFlags(o *libcontainer.ExecOptions, nnp *bool) []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{
			Name: "process", Aliases: []string{"p"}, Destination: &o.ProcessFile,
			Usage: "`file` with a process object, as in config.json; other options about the process don't count then",
		},
		&urfave.BoolFlag{Name: "tty", Aliases: []string{"t"}, Destination: &o.Terminal, Usage: "give the process a terminal"},
		&urfave.StringFlag{Name: "cwd", Destination: &o.Cwd, Usage: "`directory` in the container that the process starts in"},
		&urfave.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Destination: &o.Env, Usage: "add `NAME=VALUE` to the environment; may be repeated"},
		&urfave.StringFlag{
			Name: "user", Aliases: []string{"u"}, Destination: &o.User,
			Usage: "`USER[:GROUP]`, by number, or by name as in the container's /etc/passwd and /etc/group",
		},
		&urfave.StringSliceFlag{
			Name: "additional-gids", Aliases: []string{"g"}, Destination: &o.AdditionalGids,
			Usage: "add the group with the number `GID`; may be repeated",
		},
		&urfave.StringFlag{Name: "process-label", Destination: &o.ProcessLabel, Usage: "SELinux `label` of the process"},
		&urfave.StringFlag{Name: "apparmor", Destination: &o.AppArmor, Usage: "AppArmor `profile` of the process"},
		&urfave.BoolFlag{Name: "no-new-privs", Destination: nnp, Usage: "set no_new_privs"},
		&urfave.StringSliceFlag{Name: "cap", Aliases: []string{"c"}, Destination: &o.Caps, Usage: "add the `capability`; may be repeated"},
	}
}

// execFlags are about how the process is run.
func execFlags(o *libcontainer.ExecOptions) []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{
			Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "`path` of the AF_UNIX socket that gets the master of the process's terminal",
		},
		&urfave.StringFlag{
			Name: "pidfd-socket", Destination: &o.PidfdSocket,
			Usage: "`path` of the AF_UNIX socket that gets a pidfd of the process",
		},
		&urfave.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, Usage: "return once the process runs"},
		&urfave.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "`file` to write the id of the process to"},
		&numberFlag{Name: "preserve-fds", Destination: &o.PreserveFDs, Usage: "pass `N` more file descriptors"},
		&urfave.StringSliceFlag{Name: "cgroup", Destination: &o.Cgroups, Usage: "`[controllers:]path` of a cgroup below the container's"},
		&urfave.BoolFlag{Name: "ignore-paused", Destination: &o.IgnorePaused, Usage: "exec in a paused container too: the process runs when it is resumed"},
	}
}

func (a *app) exec(o *libcontainer.ExecOptions, id string) error {
	a.holds = true
	if err := checkPreserved(o.PreserveFDs, inherited.CheckPassed); err != nil {
		return err
	}
	r, err := a.runtime()
	if err != nil {
		return err
	}
	if err := absPath("--pid-file", &o.PidFile); err != nil {
		return err
	}
	if err := absPath("--process", &o.ProcessFile); err != nil {
		return err
	}
	o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
	if o.Detach {
		_, err := r.Container(id).Exec(context.Background(), o)
		return err
	}
	status, err := r.Container(id).Run(context.Background(), o)
	a.code = int(status)
	return err
}
