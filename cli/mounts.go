package cli

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

var mountsCommand = command{
	name:  "mounts",
	usage: "mount something in a container that runs, and unmount it",
	description: `Adds mounts to a container that is created, runs or is paused, lists those that
were added, and removes them. A mount is made on the host, with all its flags, and attached in
the container: its destination is looked up there, in the container's root, and
made if it is missing, for good. It takes root, and a container with a mount namespace of
its own.

EXAMPLE:
   # rung mounts add --options ro,nosuid web /srv/data /data
   # rung mounts add --type tmpfs --options size=10m web tmpfs /scratch
   # rung mounts list web
   # rung mounts remove web /data`,
	argsUsage: "add|list|remove ...",
	maxArgs:   math.MaxInt,
	build: func(a *app, c *urfave.Command) action {
		list, remove := listAddedCommand((*libcontainer.Container).Mounts, listedMounts), removeCommand("unmount what was added", "DESTINATION", (*libcontainer.Container).RemoveMount)
		return subcommands(a, c, &mountsAddCommand, &list, &remove)
	},
}

var mountsAddCommand = command{
	name:      "add",
	usage:     "mount something",
	argsUsage: "<container-id> SOURCE DESTINATION",
	minArgs:   3, maxArgs: 3,
	build: func(a *app, c *urfave.Command) action {
		var kind, options string
		var maps [2]string
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{Name: "type", Aliases: []string{"t"}, Destination: &kind, Value: "bind", Usage: "`type` of the mount: bind or tmpfs"},
			&urfave.StringFlag{
				Name: "options", Aliases: []string{"o"}, Destination: &options,
				Usage: "`words` as of a mount in config.json, with commas: ro, nosuid, rbind, rro, idmap, size=10m",
			},
			&urfave.StringFlag{Name: "uid-map", Destination: &maps[0], Usage: "map ids of files: `ID:HOST:SIZE`, more with commas"},
			&urfave.StringFlag{Name: "gid-map", Destination: &maps[1], Usage: "map ids of groups: `ID:HOST:SIZE`, more with commas"},
		}
		return func(args []string) error {
			m := specs.Mount{Destination: args[2], Source: args[1]}
			if options != "" {
				m.Options = strings.Split(options, ",")
			}
			var err error
			switch kind {
			case "bind":
				if !contains(m.Options, "bind", "rbind") {
					m.Options = append(m.Options, "bind")
				}
				if m.Source != "" { // which isn't the current directory, but a variable that isn't set
					m.Source, err = filepath.Abs(m.Source)
				}
				if err != nil {
					return err
				}
			default:
				m.Type = kind
			}
			if m.UIDMappings, err = parseMaps("--uid-map", maps[0]); err != nil {
				return err
			}
			if m.GIDMappings, err = parseMaps("--gid-map", maps[1]); err != nil {
				return err
			}
			r, err := a.runtime()
			if err != nil {
				return err
			}
			return r.Container(args[0]).AddMount(context.Background(), m)
		}
	},
}

// listedMount is a libcontainer.LiveMount in JSON, see docs/schema/mounts.json.
type listedMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options"`
	Present     *bool    `json:"present"` // nil: not known

	UIDMappings []specs.LinuxIDMapping `json:"uidMappings,omitempty"`
	GIDMappings []specs.LinuxIDMapping `json:"gidMappings,omitempty"`
}

func listedMounts(list []libcontainer.LiveMount) (out []listedMount, rows [][]string) {
	out, rows = []listedMount{}, [][]string{{"DESTINATION", "TYPE", "SOURCE", "OPTIONS", "IDS", "PRESENT"}}
	for _, m := range list {
		kind := m.Type
		if kind == "" {
			kind = "bind"
		}
		out = append(out, listedMount{m.Destination, kind, m.Source, append([]string{}, m.Options...), seen(m.Present, m.Unknown), m.UIDMappings, m.GIDMappings})
		rows = append(rows, []string{m.Destination, kind, m.Source, strings.Join(m.Options, ","), idsText(m.UIDMappings, m.GIDMappings), seenText(m.Present, m.Unknown)})
	}
	return out, rows
}

// idsText is how ids are mapped, as options take it: of users, and of groups behind a slash if theirs are others.
func idsText(uids, gids []specs.LinuxIDMapping) string {
	text := func(list []specs.LinuxIDMapping) string {
		var words []string
		for _, m := range list {
			words = append(words, fmt.Sprintf("%d:%d:%d", m.ContainerID, m.HostID, m.Size))
		}
		return strings.Join(words, ",")
	}
	if slices.Equal(uids, gids) {
		return text(uids)
	}
	return text(uids) + "/" + text(gids)
}
