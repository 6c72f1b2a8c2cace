package cli

import urfave "github.com/urfave/cli/v3"

var killCommand = command{
	name:      "kill",
	usage:     "send a signal to a container",
	argsUsage: "<container-id> [signal]",
	minArgs:   1,
	maxArgs:   2,
	description: `Sends a signal, by default SIGTERM, to the container's first process. It is
given as a number or a name: 9, KILL, SIGKILL, RTMIN+3.

EXAMPLE:
   # rung kill web
   # rung kill web KILL
   # rung kill --all web 9`,
	build: func(a *app, c *urfave.Command) action {
		var all bool
		c.Flags = []urfave.Flag{&urfave.BoolFlag{
			Name: "all", Aliases: []string{"a"}, Destination: &all,
			Usage: "send the signal to every process of the container, even if the first has ended",
		}}
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			name := "SIGTERM"
			if len(args) == 2 && args[1] != "" { // scripts pass on a variable that isn't set
				name = args[1]
			}
			sig, err := parseSignal(name)
			if err != nil {
				return err
			}
			return r.Container(args[0]).Kill(sig, all)
		}
	},
}
