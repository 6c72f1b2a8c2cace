package cli

import "github.com/rung-oci/rung/libcontainer/suggest"

// unknownCommand is runc's text, and what may have been meant.
func unknownCommand(written string) string {
	names := make([]string, 0, len(commands))
	for i := range commands {
		if !commands[i].hidden {
			names = append(names, commands[i].name)
		}
	}
	return "No help topic for '" + written + "'" + suggest.Meant(written, names, "")
}
