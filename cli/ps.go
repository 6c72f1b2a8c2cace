package cli

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/jsontext"
)

var psCommand = command{
	name:      "ps",
	usage:     "show the processes of a container",
	argsUsage: "<container-id> [ps options]",
	minArgs:   1,
	maxArgs:   math.MaxInt,
	description: `Shows the lines that the host's ps has for the processes of a container.
What follows the id are options for it, by default -ef; one of the columns has
to be PID. The format json is a list of the pids.

EXAMPLE:
   # rung ps web
   # rung ps web -o pid,rss,args -A
   # rung ps --format json web`,
	build: func(a *app, c *urfave.Command) action {
		var format string
		one := 1
		c.StopOnNthArg = &one
		c.Flags = []urfave.Flag{&urfave.StringFlag{
			Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "table",
			Usage: "`format` of the list: table or json",
		}}
		return func(args []string) error { return a.ps(format, args[0], args[1:]) }
	},
}

func (a *app) ps(format, id string, options []string) error {
	r, err := a.runtime()
	if err != nil {
		return err
	}
	pids, err := r.Container(id).Processes()
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return a.print(psJSON(pids))
	case "table":
	default:
		return errors.New("invalid format option")
	}
	if len(options) == 0 {
		options = []string{"-ef"}
	}
	text, err := hostPS(options)
	if err != nil {
		return err
	}
	out, err := psTable(text, pids)
	if err != nil {
		return err
	}
	return a.print(out)
}

// psJSON writes an array on one line, and null instead of an empty one, as for
// list.
func psJSON(pids []int) []byte {
	if len(pids) == 0 {
		return []byte("null\n")
	}
	w := jsontext.NewWriter(nil, "")
	w.BeginArray()
	for _, pid := range pids {
		w.Int(int64(pid))
	}
	w.EndArray()
	return append(w.Bytes(), '\n')
}

// psTable picks the header of what ps has written and the lines of the given
// processes.
func psTable(text string, pids []int) ([]byte, error) {
	header, rest, _ := strings.Cut(text, "\n")
	index := slices.Index(strings.Fields(header), "PID")
	if index < 0 {
		return nil, errors.New("couldn't find PID field in ps output")
	}
	end := pidEnd(header, index)
	out := append([]byte(header), '\n')
	for line := range strings.SplitSeq(rest, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		pid, err := linePID(line, end, index)
		if err != nil {
			return nil, err
		}
		if slices.Contains(pids, pid) {
			out = append(append(out, line...), '\n')
		}
	}
	return out, nil
}

// pidEnd is where the field of the header ends.
func pidEnd(header string, index int) int {
	at := 0
	for i, field := range strings.Fields(header) {
		at += strings.Index(header[at:], field) + len(field)
		if i == index {
			break
		}
	}
	return at
}

// linePID finds the pid in a line of ps: the number that ends where its column
// does, whatever the columns before it hold. If one of those was too wide for
// that, the fields are counted.
func linePID(line string, end, index int) (int, error) {
	if end <= len(line) && (end == len(line) || line[end] == ' ') {
		field := line[strings.LastIndexByte(line[:end], ' ')+1 : end]
		if pid, err := strconv.ParseUint(field, 10, 31); err == nil {
			return int(pid), nil
		}
	}
	if fields := strings.Fields(line); index < len(fields) {
		if pid, err := strconv.ParseUint(fields[index], 10, 31); err == nil {
			return int(pid), nil
		}
	}
	return 0, errors.New("unable to parse pid in ps output " + strconv.Quote(line))
}
