package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/leftover"
	"github.com/rung-oci/rung/libcontainer"
)

var gcCommand = command{
	name:  "gc",
	usage: "find what creates and deletes that died have left, and remove it",
	description: `Says what is left of containers that nobody will come back for: those whose
create or delete died, those that were made before the last boot, and those
whose record is damaged; with --stopped also those that have ended, which
engines delete themselves. Of each that is the state directory, and cgroups,
units of systemd, mounts and resctrl groups that it names. With --apply it is
removed, as by delete --force, but nothing is killed and no lock waited for:
what has a live process, or is at work, or has cgroups that aren't mounted here,
is kept, and the line says why.

Only what the directory of --root has an entry for can be found. A cgroup whose
entry somebody has removed by hand is like any other.

The exit code is 0 whatever is found, and 1 if something can't be looked at or
removed.

EXAMPLE:
   # rung gc
   # rung gc --stopped --older 24h --apply
   # rung --root /run/containerd/runc/k8s.io gc --format json`,
	build: func(a *app, c *urfave.Command) action {
		var o libcontainer.GCOptions
		var format string
		c.Flags = []urfave.Flag{
			&urfave.BoolFlag{Name: "apply", Destination: &o.Apply, Usage: "remove what is found"},
			&urfave.BoolFlag{Name: "stopped", Destination: &o.Stopped, Usage: "take containers that have ended for garbage, too"},
			&urfave.DurationFlag{
				Name: "older", Destination: &o.Older, HideDefault: true,
				Usage: "keep what was made less than a `time` ago, such as 90s or 24h",
			},
			&urfave.StringFlag{
				Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "text",
				Usage: "`format` of what is said: text or json",
			},
		}
		return func([]string) error { return a.gc(&o, format) }
	},
}

func (a *app) gc(o *libcontainer.GCOptions, format string) error {
	if err := checkFormat(format, "text", "json"); err != nil {
		return err
	}
	if o.Older < 0 {
		return fmt.Errorf("invalid --older %v: it is in the future", o.Older.Round(time.Millisecond))
	}
	r, err := a.runtime()
	if err != nil {
		return err
	}
	list, err := r.GC(context.Background(), o)
	if err != nil {
		return err
	}
	failed := 0
	for i := range list {
		if l := &list[i]; l.Err != nil {
			failed++
			fmt.Fprintln(a.stderr, printable(fmt.Sprintf("container %s: %v", l.ID, l.Err)))
		}
	}
	out := leftoversText(list, o.Apply)
	if format == "json" {
		if out, err = indented(leftoversDocument(list, o.Apply)); err != nil {
			return err
		}
	}
	if err := a.print(out); err != nil || failed == 0 {
		return err
	}
	return fmt.Errorf("containers that can't be looked at or removed: %d", failed)
}

// leftoversText has a line for each thing that is to go or has gone, and one for each container that is kept.
func leftoversText(list []libcontainer.Leftover, applied bool) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	verb := map[bool][2]string{false: {"would remove", "would run"}, true: {"removed", "ran"}}[applied]
	for i := range list {
		switch l := &list[i]; {
		case l.Err != nil:
		case l.Keep != "":
			line("kept container %s: %s, but %s", l.ID, l.Reason, l.Keep)
		default:
			for _, t := range l.Things {
				if t.Kind == libcontainer.ThingHooks {
					line("%s %s poststop hook(s) of container %s: %s", verb[1], t.Name, l.ID, l.Reason)
				} else {
					line("%s %s %s of container %s: %s", verb[0], strings.ReplaceAll(t.Kind, "-", " "), t.Name, l.ID, l.Reason)
				}
			}
		}
	}
	return []byte(b.String())
}

// leftoversDoc is in JSON what was found, see docs/schema/gc.json.
type leftoversDoc struct {
	Applied bool           `json:"applied"`
	Found   []leftoverJSON `json:"found"`
}

type leftoverJSON struct {
	ID     string          `json:"id"`
	Reason leftover.Reason `json:"reason"`
	Why    string          `json:"why"`
	Keep   string          `json:"keep,omitempty"`
	Things []thingJSON     `json:"things"`
	Error  string          `json:"error,omitempty"`
}

type thingJSON struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

func leftoversDocument(list []libcontainer.Leftover, applied bool) leftoversDoc {
	doc := leftoversDoc{applied, []leftoverJSON{}}
	for i := range list {
		l := &list[i]
		j := leftoverJSON{ID: l.ID, Reason: l.Reason, Why: l.Reason.String(), Keep: l.Keep, Things: []thingJSON{}}
		if l.Err != nil {
			j.Error = l.Err.Error()
		}
		for _, t := range l.Things {
			j.Things = append(j.Things, thingJSON(t))
		}
		doc.Found = append(doc.Found, j)
	}
	return doc
}
