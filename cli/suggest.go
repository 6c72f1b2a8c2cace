package cli

import (
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/suggest"
)

// exitUnknownCommand is runc's exit code for a command that it doesn't have.
const exitUnknownCommand = 3

// unknownCommand is runc's error, and what may have been meant.
func unknownCommand(root *urfave.Command, written string) error {
	names := make([]string, 0, len(root.Commands))
	for _, c := range root.Commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return urfave.Exit("No help topic for '"+written+"'"+suggest.Meant(written, names, ""), exitUnknownCommand)
}
