package cli

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"strconv"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

var waitCommand = command{
	name:      "wait",
	usage:     "wait for the end of containers, and print their exit codes",
	argsUsage: "<container-id>...",
	minArgs:   1,
	maxArgs:   math.MaxInt,
	description: `Waits until the first process of each container has ended, and prints its exit
code, 128 and the number of the signal if one ended it: a line each, in the
order of the ids. An id that doesn't exist is an error before any is waited for. Of one that has ended before it is known if somebody has seen
it: "rung wait", "rung run --keep", "rung run --detach --keep-status". On Linux
before 6.15 it isn't if somebody else was told first. That is an error, which
leaves out a line and comes when all others are printed; JSON has the ids. So is
it to call this in another pid namespace than the container was created in.

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
	if len(ids) > 1 { // a name that was mistyped isn't told of after hours
		for _, id := range ids {
			if _, err := r.Container(id).State(); errors.Is(err, libcontainer.ErrNotExist) {
				return err
			}
		}
	}
	list := []ended{}
	var first error // of what isn't known, which keeps nobody from hearing the rest
	for end := range ends(r, ids) {
		if end.err != nil {
			first = cmp.Or(first, end.err)
			continue
		}
		list = append(list, end.ended)
		if format == "text" {
			if err := a.print([]byte(strconv.Itoa(end.ExitStatus) + "\n")); err != nil {
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

// end is how a container has ended, or why that isn't known.
type end struct {
	ended
	err error
}

// ends yields the ends of containers, in the order of their ids. All are waited for at once: of one that ends
// while another is waited for the exit code may be gone afterwards.
func ends(r *libcontainer.Runtime, ids []string) iter.Seq[end] {
	all := make([]chan end, len(ids))
	for i, id := range ids {
		all[i] = make(chan end, 1)
		go func() {
			status, err := r.Container(id).Wait(context.Background())
			all[i] <- end{ended{id, int(status)}, err}
		}()
	}
	return func(yield func(end) bool) {
		for _, one := range all {
			if !yield(<-one) {
				return
			}
		}
	}
}
