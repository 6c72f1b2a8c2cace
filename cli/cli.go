// Package cli is rung's command line, which is runc's: flags in, one call of
// package libcontainer, text or JSON out. Each command has its own file.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/suggest"
)

// app is one run of the command line.
type app struct {
	built          func() (version, commit string)
	stdout, stderr io.Writer
	global         globals
	logger         *logrus.Logger // nil until the log is opened
	logFile        *os.File       // nil: the log is stderr
	phases         bool           // whether phases are told, see tellPhases
	holds          bool           // whether warnings are kept back, see warn
	held           []*logrus.Entry
	code           int       // exit code of a run without errors
	unwritten      error     // of help or the version, which the library prints and forgets
	all            []command // all that there are, which a command can't name itself
}

// Main runs the command line args, of which the first is the program's name,
// and returns the exit code: 0, 1 for any error (2 of a command for which 1 says
// something else), 3 for an unknown command, or the one of the process that `run`
// waited for. Errors are on stderr, and in the file of --log. It asks for the version and the commit if it has to tell them.
func Main(args []string, built func() (version, commit string)) int {
	a := &app{built: built, stdout: os.Stdout, stderr: os.Stderr}
	return a.run(args)
}

func (a *app) run(args []string) int {
	a.all = commands[:]
	err := guarded(func() error { return a.root(args).Run(context.Background(), args) })
	a.tellPhases()
	if err == nil {
		err = a.unwritten
	}
	if err == nil {
		if a.logger != nil {
			a.release(a.logger)
		}
		return a.code
	}
	a.report(explainFileSize(err))
	if exit, ok := errors.AsType[urfave.ExitCoder](err); ok {
		return exit.ExitCode()
	}
	return 1
}

// root makes the tree of commands, as far as args may need it: of what state
// and kill take, half would go into commands that aren't called.
func (a *app) root(args []string) *urfave.Command {
	one := 1
	all := asksForHelp(args)
	root := &urfave.Command{
		Name:            "rung",
		Usage:           "run containers according to the OCI runtime specification",
		UsageText:       "rung [global options] command [command options] [arguments...]",
		Description:     rootDescription,
		Version:         "told by printVersion", // without one there is no --version
		Flags:           a.global.flags(),
		HideHelpCommand: true, // it would take containers named help or h for itself
		StopOnNthArg:    &one,
		Writer:          a.stdout,
		ErrWriter:       a.stderr,
		OnUsageError:    usage,
		ExitErrHandler:  func(context.Context, *urfave.Command, error) {}, // run does it
		Action: func(_ context.Context, c *urfave.Command) error {
			if c.Args().Present() {
				return unknownCommand(c, c.Args().First())
			}
			return urfave.ShowRootCommandHelp(c)
		},
	}
	urfave.VersionPrinter, urfave.HelpPrinter = a.printVersion, a.printHelp
	for i := range commands {
		if slices.Contains(args, commands[i].name) {
			root.Commands = append(root.Commands, commands[i].make(a))
		} else if all {
			root.Commands = append(root.Commands, commands[i].entry())
		}
	}
	return root
}

// asksForHelp reports whether args may ask for the list of commands: help is
// asked for, or no command is called. It is no harm if they don't.
func asksForHelp(args []string) bool {
	called := false
	for _, arg := range args[min(1, len(args)):] {
		switch {
		case arg == "help", strings.HasPrefix(arg, "-h"), strings.HasPrefix(arg, "--h"):
			return true
		case !called:
			called = slices.ContainsFunc(commands[:], func(d command) bool { return d.name == arg })
		}
	}
	return !called
}

// exitError is an error with an exit code of its own.
type exitError struct {
	err  error
	code int
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }
func (e *exitError) ExitCode() int { return e.code }

// usageError is a command line that can't be understood.
type usageError struct {
	command string // its full name
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(_ context.Context, c *urfave.Command, err error, _ bool) error {
	const undefined = "flag provided but not defined: -" // the library's
	if name, ok := strings.CutPrefix(err.Error(), undefined); ok {
		var names []string
		for _, f := range c.Flags {
			names = append(names, f.Names()...)
		}
		if hint := suggest.Meant(strings.TrimLeft(name, "-"), names, "--"); hint != "" {
			err = fmt.Errorf("%w%s", err, hint)
		}
	}
	return &usageError{command: c.FullName(), err: err}
}
