package cli

import (
	"cmp"
	"math"
	"strconv"

	urfave "github.com/urfave/cli/v3"
)

var waitCommand = command{
	name:      "wait",
	usage:     "wait for the end of containers, and print their exit codes",
	argsUsage: "<container-id>...",
	minArgs:   1,
	maxArgs:   math.MaxInt,
	description: `Waits until the first process of each container has ended, and prints its exit
code, 128 and the number of the signal if one ended it: a line each, in the
order of the ids. Of one that has ended before it is known if somebody has seen
it: "rung wait", "rung run --keep", "rung run --detach --keep-status". On Linux
before 6.15 it isn't if somebody else was told first. That is an error, which
leaves out a line and comes when all others are printed; JSON has the ids.

EXAMPLE:
   # rung run --detach --bundle box box1
   # rung wait box1`,
	build: func(a *app, c *urfave.Command) action {
		var format string
		c.Flags = []urfave.Flag{&urfave.StringFlag{
			Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "text",
			Usage: "`format` of the codes: text or json",
		}}
		return func(args []string) error { return a.wait(args, format) }
	},
}

func (a *app) wait(ids []string, format string) error {
	if err := checkFormat(format, "text", "json"); err != nil {
		return err
	}
	r, err := a.runtime()
	if err != nil {
		return err
	}
	list := []ended{}
	var first error // of what isn't known, which keeps nobody from hearing the rest
	for _, id := range ids {
		status, err := r.Wait(id)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		list = append(list, ended{id, status})
		if format == "text" {
			if err := a.print([]byte(strconv.Itoa(status) + "\n")); err != nil {
				return err
			}
		}
	}
	if format == "text" {
		return first
	}
	out, err := indented(list)
	if err == nil {
		err = a.print(out)
	}
	return cmp.Or(first, err)
}

// ended is how a container has, in JSON: see docs/schema/wait.json.
type ended struct {
	ID         string `json:"id"`
	ExitStatus int    `json:"exitStatus"`
}
