package cli

import (
	"errors"

	urfave "github.com/urfave/cli/v3"
)

// initCommand is for who tries runc's hidden command: the init stage is known
// by argv[0], and main has gone there before it comes here.
var initCommand = command{
	name:    "init",
	usage:   "build a container; rung calls it",
	hidden:  true,
	maxArgs: 1 << 20,
	build: func(*app, *urfave.Command) action {
		return func([]string) error {
			return errors.New("init is called by rung itself, when it creates a container")
		}
	},
}
