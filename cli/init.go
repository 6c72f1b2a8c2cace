package cli

import (
	"errors"

	urfave "github.com/urfave/cli/v3"
)

// initCommand is for who tries runc's hidden command: a player in Go is known
// by argv[0], and has ended before main comes here.
var initCommand = command{
	name:    "init",
	usage:   "make a container's first process; rung calls it",
	hidden:  true,
	maxArgs: 1 << 20,
	build: func(*app, *urfave.Command) action {
		return func([]string) error {
			return errors.New("init is called by rung itself, when it creates a container")
		}
	},
}
