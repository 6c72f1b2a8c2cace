package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"text/tabwriter"
	"time"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/libcontainer"
)

var listCommand = command{
	name:  "list",
	usage: "list containers",
	description: `Lists the containers whose state is in the directory of the global option
--root. Those that can't be read are named on stderr.

EXAMPLE:
   # rung list
   # rung --root /run/containerd/runc/k8s.io list --quiet`,
	build: func(a *app, c *urfave.Command) action {
		var format string
		var quiet bool
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{
				Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "table",
				Usage: "`format` of the list: table or json",
			},
			&urfave.BoolFlag{
				Name: "quiet", Aliases: []string{"q"}, Destination: &quiet,
				Usage: "write ids only, one a line",
			},
		}
		return func([]string) error { return a.list(format, quiet) }
	},
}

func (a *app) list(format string, quiet bool) error {
	r, err := a.runtime()
	if err != nil {
		return err
	}
	states, problems, err := r.List(context.Background())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // nothing was ever created
	}
	if err != nil {
		return err
	}
	for _, problem := range problems {
		io.WriteString(a.stderr, printable(problem.Error())+"\n")
	}
	switch {
	case quiet:
		return a.print(listIDs(states))
	case format == "table":
		return a.print(listTable(states, new(owners)))
	case format == "json":
		return a.print(listJSON(states, new(owners)))
	}
	return errors.New("invalid format option")
}

func listIDs(states []*libcontainer.State) []byte {
	var out []byte
	for _, s := range states {
		out = append(append(out, s.ID...), '\n')
	}
	return out
}

func listTable(states []*libcontainer.State, o *owners) []byte {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 12, 1, 3, ' ', 0)
	row := func(cells ...string) {
		for i, cell := range cells {
			if i > 0 {
				io.WriteString(w, "\t")
			}
			io.WriteString(w, clean(cell))
		}
		io.WriteString(w, "\n")
	}
	row("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")
	for _, s := range states {
		row(s.ID, strconv.Itoa(s.PID), string(s.Status), s.Bundle,
			s.Created.UTC().Format(time.RFC3339Nano), o.name(s.UID))
	}
	w.Flush()
	return out.Bytes()
}

// listJSON writes an array on one line, and null instead of an empty one: what
// runc's users know.
func listJSON(states []*libcontainer.State, o *owners) []byte {
	if len(states) == 0 {
		return []byte("null\n")
	}
	w := jsontext.NewWriter(nil, "")
	w.BeginArray()
	for _, s := range states {
		writeState(&w, s, o.name(s.UID))
	}
	w.EndArray()
	return append(w.Bytes(), '\n')
}
