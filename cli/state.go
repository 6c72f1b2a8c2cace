package cli

import (
	"maps"
	"slices"
	"time"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/libcontainer"
)

var stateCommand = command{
	name:      "state",
	usage:     "show the state of a container",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Writes a container's state as JSON. Its status is one of created, running,
paused and stopped; the pid of a stopped container is 0. How one has ended is
there too if it is known, see "rung wait": exitStatus, exitedAt, oomKilled.

EXAMPLE:
   # rung state web`,
	build: func(a *app, _ *urfave.Command) action {
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			s, err := r.Container(args[0]).State()
			if err != nil {
				return err
			}
			w := jsontext.NewWriter(nil, "  ")
			writeState(&w, s, "")
			return a.print(append(w.Bytes(), '\n'))
		}
	},
}

// writeState writes a state as runc does.
func writeState(w *jsontext.Writer, s *libcontainer.State, owner string) {
	text := func(key, value string) {
		w.Key(key)
		w.String(value)
	}
	w.BeginObject()
	text("ociVersion", s.OCIVersion)
	text("id", s.ID)
	w.Key("pid")
	w.Int(int64(s.PID))
	text("status", string(s.Status))
	text("bundle", s.Bundle)
	text("rootfs", s.Rootfs)
	text("created", s.Created.UTC().Format(time.RFC3339Nano))
	if len(s.Annotations) > 0 {
		w.Key("annotations")
		w.BeginObject()
		for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
			text(key, s.Annotations[key])
		}
		w.EndObject()
	}
	text("owner", owner)
	if x := s.Exit; x != nil { // nothing of runc's: engines pass over it
		w.Key("exitStatus")
		w.Int(int64(x.Status))
		text("exitedAt", x.At.UTC().Format(time.RFC3339Nano))
		w.Key("oomKilled")
		w.Bool(x.OOMKilled)
	}
	w.EndObject()
}

// print writes a command's result.
func (a *app) print(out []byte) error {
	_, err := a.stdout.Write(out)
	return err
}
