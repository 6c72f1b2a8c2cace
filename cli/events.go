package cli

import (
	"context"
	"errors"
	"time"

	urfave "github.com/urfave/cli/v3"
)

var eventsCommand = command{
	name:      "events",
	usage:     "show what a container uses, and when it is out of memory",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Writes a line of JSON with what the container uses, of type stats, once every
interval, and one of type oom whenever a process of it is killed for want of
memory, until the container ends. With --stats it writes the first and exits.

EXAMPLE:
   # rung events --stats web
   # rung events --interval 10s web`,
	build: func(a *app, c *urfave.Command) action {
		var interval time.Duration
		var once bool
		c.Flags = []urfave.Flag{
			&durationFlag{
				Name: "interval", Destination: &interval, Value: 5 * time.Second,
				Usage: "`time` between two lines of type stats",
			},
			&urfave.BoolFlag{Name: "stats", Destination: &once, Usage: "show what is used now, and exit"},
		}
		return func(args []string) error { return a.events(args[0], interval, once) }
	},
}

func (a *app) events(id string, interval time.Duration, once bool) error {
	r, err := a.runtime()
	if err != nil {
		return err
	}
	if interval <= 0 {
		if _, err := r.Container(id).State(); err != nil {
			return err
		}
		return errors.New("duration interval must be greater than 0")
	}
	if once {
		s, err := r.Container(id).Stats()
		if err != nil {
			return err
		}
		return a.print(statsEvent(id, s))
	}
	for e, err := range r.Container(id).Events(context.Background(), interval) {
		if err != nil {
			return err
		}
		line := oomEvent(id)
		if e.Stats != nil {
			line = statsEvent(id, e.Stats)
		}
		if err := a.print(line); err != nil {
			return err
		}
	}
	return nil
}
