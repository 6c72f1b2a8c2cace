package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/gauge"
	"github.com/rung-oci/rung/internal/fleet"
	"github.com/rung-oci/rung/internal/nap"
	"github.com/rung-oci/rung/internal/suggest"
	"github.com/rung-oci/rung/internal/top"
	"github.com/rung-oci/rung/internal/tty"
	"github.com/rung-oci/rung/libcontainer"
)

var topCommand = command{
	name:      "top",
	usage:     "show what containers use, live",
	argsUsage: "[<container-id>...]",
	maxArgs:   math.MaxInt,
	description: `Shows a table of the containers that live, or of those with the given ids, and
draws it anew every interval: processor time and how much of it the quota held
back, memory and its limits, swap, tasks, pressure (how long tasks waited),
block I/O, and processes that were killed for want of memory. A dash stands
where the kernel has no number, or there is no limit. The key ? says what keys
do; enter shows the history of a container.

Where stdout is no terminal, and with --once, the table is written once, when an
interval has been measured, of half a second at most; with --format json a line
of JSON every interval. Those go on until the containers with the given ids have
ended, or for ever.

With --all-roots it looks into the state directories of Docker, containerd,
Podman and CRI-O as well, and of runc, crun and youki, those of ordinary users
included. It only reads there, and says on stderr what it can't read.

EXAMPLE:
   # rung top
   # rung top --all-roots --sort memory
   # rung top --once web
   # rung top --format json --interval 10s | jq '.containers[].cpu.percent'`,
	build: func(a *app, c *urfave.Command) action {
		w := &watch{app: a}
		c.Flags = []urfave.Flag{
			&durationFlag{Name: "interval", Aliases: []string{"i"}, Destination: &w.interval, Value: 2 * time.Second, Usage: "`time` between two looks"},
			&urfave.StringFlag{
				Name: "sort", Aliases: []string{"s"}, Destination: &w.view.Sort, Value: "cpu",
				Usage: "sort by this `key`: " + either(top.Keys[:]),
			},
			&urfave.BoolFlag{Name: "reverse", Aliases: []string{"r"}, Destination: &w.view.Reverse, Usage: "show the smallest first"},
			&urfave.BoolFlag{Name: "once", Destination: &w.once, Usage: "write the table once, and exit"},
			&numberFlag{Name: "iterations", Aliases: []string{"n"}, Destination: &w.iterations, HideDefault: true, Usage: "look `N` times, and exit"},
			&urfave.BoolFlag{Name: "all-roots", Aliases: []string{"a"}, Destination: &w.all, Usage: "show the containers of other runtimes, too"},
			&urfave.StringSliceFlag{
				Name: "also", Destination: &w.also,
				Usage: "look into another state `directory`, too: a path, in whose names * stands for anything; may be repeated",
			},
			&urfave.StringFlag{
				Name: "format", Aliases: []string{"f"}, Destination: &w.format, Value: "text",
				Usage: "`format` of what is said: text or json",
			},
		}
		return w.run
	},
}

// either is a list of words of which one is to be chosen.
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// watch is a call of top.
type watch struct {
	*app
	runtime    *libcontainer.Runtime
	interval   time.Duration
	once       bool
	iterations int
	all        bool
	also       []string
	format     string
	ids        []string

	fleet   *fleet.Fleet
	reader  gauge.Reader
	history top.History
	view    top.View
	rows    []top.Row
	at      time.Time     // when they were read
	since   time.Duration // the time before that they are about
	told    map[string]bool
}

func (w *watch) run(ids []string) error {
	if err := checkFormat(w.format, "text", "json"); err != nil {
		return err
	}
	switch {
	case !slices.Contains(top.Keys[:], w.view.Sort):
		return fmt.Errorf("unknown key %q: it can be %s%s", w.view.Sort, either(top.Keys[:]), suggest.Meant(w.view.Sort, top.Keys[:], ""))
	case w.interval < least:
		return fmt.Errorf("invalid --interval %v: it is less than %v", w.interval, least)
	case w.iterations < 0:
		return fmt.Errorf("invalid --iterations %d: it is negative", w.iterations)
	}
	var err error
	if w.runtime, err = w.app.runtime(); err != nil {
		return err
	}
	roots, err := w.roots()
	if err != nil {
		return err
	}
	if !w.all {
		if err := readable(roots[0]); err != nil {
			return err
		}
	}
	if w.fleet, err = fleet.Open(roots); err != nil {
		return err
	}
	defer w.fleet.Close()
	w.ids, w.told = ids, make(map[string]bool)
	w.view.Interval, w.view.Roots = w.interval, len(roots) > 1
	w.look()
	if err := w.missing(); err != nil {
		return err
	}
	if term := os.Getenv("TERM"); w.format == "text" && !w.once && tty.Is(1) && term != "" && term != "dumb" {
		return w.live()
	}
	if w.once || w.format == "text" && w.iterations == 0 {
		w.iterations = 1
	}
	return w.stream()
}

// roots are the state directories to look into.
func (w *watch) roots() ([]fleet.Root, error) {
	roots := []fleet.Root{{Path: w.runtime.Root, Trusted: true}}
	if w.all {
		roots = append(roots, fleet.Roots(fleet.Everywhere, w.runtime.Root)...)
	}
	for _, path := range w.also {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("option --also: %w", err)
		}
		roots = append(roots, fleet.Root{Path: path, Trusted: !strings.Contains(path, "*")})
	}
	return roots, nil
}

// readable is an error if the state directory can't be read: no table is to look as if nothing ran there. One that isn't there holds nothing. Of others
// beside it a warning tells.
func readable(root fleet.Root) error {
	fd, err := unix.Open(root.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	switch {
	case err == nil:
		unix.Close(fd)
	case !errors.Is(err, unix.ENOENT):
		return fmt.Errorf("list containers of %s: %w", root.Path, err)
	}
	return nil
}

// least is the shortest interval: with less, what is measured is the measurement.
const least = 50 * time.Millisecond

// first is how long the first measurement takes, for which people wait.
func (w *watch) first() time.Duration { return min(w.interval, 500*time.Millisecond) }

// look reads what all containers use.
func (w *watch) look() {
	list, ended, notes := w.fleet.Living()
	now := time.Now()
	samples := make([]top.Sample, 0, len(list))
	for i := range list {
		c := &list[i]
		if len(w.ids) > 0 && !slices.Contains(w.ids, c.ID) {
			continue
		}
		u, _ := w.reader.Read(c.Place)
		samples = append(samples, top.Sample{ID: c.ID, Root: c.Root, Status: status(c, &u), PID: c.PID, At: time.Now(), Usage: u})
	}
	if !w.at.IsZero() {
		w.since = now.Sub(w.at)
	}
	w.at = now
	w.rows = w.history.Add(samples)
	top.Sort(w.rows, w.view.Sort, w.view.Reverse)
	w.view.Time, w.view.Ended, w.view.Notes = now.Format(time.TimeOnly), ended, notes
}

func status(c *fleet.Container, u *gauge.Usage) string {
	switch {
	case u.Frozen:
		return "paused"
	case c.Created:
		return "created"
	}
	return "running"
}

// missing is an error if a container that was asked for doesn't live.
func (w *watch) missing() error {
	for _, id := range w.ids {
		if slices.ContainsFunc(w.rows, func(r top.Row) bool { return r.ID == id }) {
			continue
		}
		if _, err := w.runtime.Container(id).State(); err != nil {
			return err
		}
		return fmt.Errorf("container with id %s is not running", id)
	}
	return nil
}

// over tells whether there is nothing more to look at.
func (w *watch) over() bool { return len(w.ids) > 0 && len(w.rows) == 0 }

// stream writes a table or a document every interval.
func (w *watch) stream() error {
	next := w.at.Add(w.first())
	for i := 0; w.iterations == 0 || i < w.iterations; i++ {
		nap.Sleep(time.Until(next))
		w.look()
		next = w.at.Add(w.interval)
		w.tell()
		if w.over() {
			return nil
		}
		out := topDocument(w)
		if w.format == "text" {
			out = []byte(w.view.Table(w.rows))
			if i > 0 {
				out = append([]byte("\n"), out...)
			}
		}
		if err := w.print(out); err != nil {
			return err
		}
	}
	return nil
}

// tell says on stderr what couldn't be read, once each.
func (w *watch) tell() {
	for _, n := range w.view.Notes {
		if !w.told[n] {
			w.told[n] = true
			fmt.Fprintln(w.stderr, clean(n))
		}
	}
}

var errTerminal = errors.New("draw on terminal: it is another job's")
