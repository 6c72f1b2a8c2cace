package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	urfave "github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/timeline"
)

// traced gives a command the flag --trace.
func traced(c *urfave.Command, do action) action {
	var file string
	c.Flags = append(c.Flags, &urfave.StringFlag{
		Name: "trace", Destination: &file,
		Usage: "write a timeline of all that is done to `FILE`, for \"rung trace\" and chrome://tracing",
	})
	return func(args []string) error {
		if file == "" {
			return do(args)
		}
		out, err := openOutput(file, unix.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("option --trace: %w", err)
		}
		defer out.Close()
		timeline.Start()
		timeline.Runtime.Phase("begin")
		err = do(args)
		title := "rung " + strings.Join(append([]string{c.Name}, args...), " ")
		if _, werr := out.Write(timeline.End(title)); werr != nil {
			err = errors.Join(err, fmt.Errorf("option --trace: %w", werr))
		}
		return err
	}
}

var traceCommand = command{
	name:      "trace",
	usage:     "draw a timeline that --trace has written",
	argsUsage: "<file>",
	minArgs:   1,
	maxArgs:   1,
	description: `Draws what "create", "run", "start", "exec" and "delete" with --trace FILE have
written: the phases of those who worked side by side, in microseconds.

EXAMPLE:
   # rung run --trace box.json --bundle box box1
   # rung trace box.json
   # rung trace --format svg box.json >box.svg`,
	build: func(a *app, c *urfave.Command) action {
		var format string
		c.Flags = []urfave.Flag{&urfave.StringFlag{
			Name: "format", Aliases: []string{"f"}, Value: "text", Destination: &format,
			Usage: "how to draw: text or svg",
		}}
		return func(args []string) error {
			draw, ok := map[string]func(*drawing) string{"text": drawText, "svg": drawSVG}[format]
			if !ok {
				return fmt.Errorf("invalid format option: %q", format)
			}
			data, err := spec.ReadFile(args[0])
			if err != nil {
				return err
			}
			d, err := readDrawing(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprint(a.stdout, draw(d))
			return err
		}
	},
}

// A drawing is a timeline in microseconds.
type drawing struct {
	title string
	end   float64
	rows  []row
}

// A row is a span, or the head of a track.
type row struct {
	name       string
	begin, dur float64
	head       bool
}

var errNoTimeline = errors.New("not a timeline in the Trace Event Format")

// readDrawing reads complete events and the names of processes and threads.
func readDrawing(data []byte) (*drawing, error) {
	var file struct {
		TraceEvents []struct {
			Ph, Name string
			Tid      int
			TS, Dur  float64
			Args     struct{ Name string }
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTimeline, err)
	}
	d := new(drawing)
	for _, e := range file.TraceEvents {
		switch {
		case e.Ph == "M" && e.Name == "process_name":
			d.title = clean(e.Args.Name)
		case e.Ph == "M" && e.Name == "thread_name":
			d.rows = append(d.rows, row{name: clean(e.Args.Name), head: true})
		case e.Ph == "X" && e.TS >= 0 && e.Dur >= 0:
			d.rows = append(d.rows, row{clean(e.Name), e.TS, e.Dur, false})
			d.end = max(d.end, e.TS+e.Dur)
		}
	}
	if d.end == 0 {
		return nil, errNoTimeline
	}
	return d, nil
}

// clean takes control characters out: names may be of an image's files, and go to
// a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
