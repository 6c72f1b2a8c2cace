package cli

import (
	"context"
	"errors"
	"strconv"

	urfave "github.com/urfave/cli/v3"
)

// command is a command as the list of all commands needs it. Build adds the
// flags and returns what to do.
type command struct {
	name, usage      string
	argsUsage        string
	description      string
	hidden           bool
	raw              bool // options are arguments
	traced           bool // has --trace
	minArgs, maxArgs int
	trouble          int // exit code of an error, where 1 says something else; 0: 1
	build            func(a *app, c *urfave.Command) action
}

// action is what a command does with its positional arguments.
type action func(args []string) error

// The order is that of the help.
var commands = [...]command{
	createCommand,
	startCommand,
	runCommand,
	stateCommand,
	execCommand,
	debugCommand,
	killCommand,
	waitCommand,
	pauseCommand,
	resumeCommand,
	deleteCommand,
	gcCommand,
	listCommand,
	psCommand,
	inspectCommand,
	topCommand,
	eventsCommand,
	updateCommand,
	mountsCommand,
	devicesCommand,
	specCommand,
	validateCommand,
	planCommand,
	doctorCommand,
	featuresCommand,
	seccompCommand,
	traceCommand,
	checkpointCommand,
	restoreCommand,
	completionCommand,
	helpCommand,
	completeCommand,
	keepCommand,
	initCommand,
}

// entry returns the command for the list of commands in the help.
func (d *command) entry() *urfave.Command {
	return &urfave.Command{Name: d.name, Usage: d.usage, Hidden: d.hidden}
}

// make returns the command with all that belongs to it.
func (d *command) make(a *app) *urfave.Command {
	c := d.entry()
	c.ArgsUsage = d.argsUsage
	c.Description = d.description
	c.OnUsageError = func(ctx context.Context, c *urfave.Command, err error, sub bool) error {
		return d.failed(usage(ctx, c, err, sub))
	}
	c.SkipFlagParsing, c.HideHelp = d.raw, d.raw
	do := d.build(a, c)
	if d.traced {
		do = traced(c, do)
	}
	c.Action = func(_ context.Context, c *urfave.Command) error {
		args := c.Args().Slice()
		if err := d.count(len(args)); err != nil {
			return d.failed(&usageError{command: c.FullName(), err: err})
		}
		return d.failed(do(args))
	}
	return c
}

// failed gives an error the exit code that the command has for all of its errors.
func (d *command) failed(err error) error {
	if err == nil || d.trouble == 0 {
		return err
	}
	return &exitError{err, d.trouble}
}

// count checks the number of arguments.
func (d *command) count(n int) error {
	var want string
	switch {
	case d.minArgs == d.maxArgs && n != d.minArgs:
		want = "exactly " + strconv.Itoa(d.minArgs)
	case n < d.minArgs:
		want = "a minimum of " + strconv.Itoa(d.minArgs)
	case n > d.maxArgs:
		want = "a maximum of " + strconv.Itoa(d.maxArgs)
	default:
		return nil
	}
	return errors.New(`rung: "` + d.name + `" requires ` + want + " argument(s)")
}
