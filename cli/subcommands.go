package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/suggest"
	"github.com/rung-oci/rung/libcontainer"
)

// subcommands gives a command some of its own, and returns what it does without one.
func subcommands(a *app, c *urfave.Command, list ...*command) action {
	c.HideHelpCommand = true
	names := make([]string, 0, len(list))
	for _, sub := range list {
		c.Commands = append(c.Commands, sub.make(a))
		names = append(names, sub.name)
	}
	return func(args []string) error {
		if len(args) == 0 {
			last := len(names) - 1
			return errors.New("rung: \"" + c.Name + "\" requires " + strings.Join(names[:last], ", ") + " or " + names[last])
		}
		return hasNone(c, args[0])
	}
}

// hasNone is the error of a command that has no other with a name.
func hasNone(c *urfave.Command, name string) error {
	var names []string
	for _, sub := range c.Commands {
		names = append(names, sub.Name)
	}
	return errors.New("rung: \"" + c.Name + "\" has no command " + strconv.Quote(name) + suggest.Meant(name, names, ""))
}

// removeCommand is one that takes away what an add has given a container, at a place.
func removeCommand(usage, place string, remove func(c *libcontainer.Container, ctx context.Context, place string) error) command {
	return command{
		name:      "remove",
		usage:     usage,
		argsUsage: "<container-id> " + place,
		minArgs:   2, maxArgs: 2,
		build: func(a *app, _ *urfave.Command) action {
			return func(args []string) error {
				r, err := a.runtime()
				if err != nil {
					return err
				}
				return remove(r.Container(args[0]), context.Background(), args[1])
			}
		},
	}
}

// listAddedCommand is one that lists what adds have given a container, as JSON or in rows.
func listAddedCommand[T, J any](list func(c *libcontainer.Container) ([]T, error), listed func([]T) ([]J, [][]string)) command {
	return command{
		name:      "list",
		usage:     "list what was added",
		argsUsage: "<container-id>",
		minArgs:   1, maxArgs: 1,
		build: func(a *app, c *urfave.Command) action {
			var format string
			c.Flags = []urfave.Flag{formatFlag(&format)}
			return func(args []string) error {
				if err := checkFormat(format, "table", "json"); err != nil {
					return err
				}
				r, err := a.runtime()
				if err != nil {
					return err
				}
				found, err := list(r.Container(args[0]))
				if err != nil {
					return err
				}
				out, rows := listed(found)
				return a.printAs(format, out, rows)
			}
		},
	}
}

// seen is whether something is there, nil if that can't be known from here: a false "false" would be a lie.
func seen(present, unknown bool) *bool {
	if unknown {
		return nil
	}
	return &present
}

func seenText(present, unknown bool) string {
	if unknown {
		return "unknown"
	}
	return strconv.FormatBool(present)
}

// formatFlag is of a list.
func formatFlag(format *string) urfave.Flag {
	return &urfave.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: format, Value: "table", Usage: "`format` of the list: table or json"}
}

// printAs prints a list, as JSON or as rows of a table, of which the first is the head.
func (a *app) printAs(format string, list any, rows [][]string) error {
	if format == "json" {
		out, err := indented(list)
		if err != nil {
			return err
		}
		return a.print(out)
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 12, 1, 3, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = clean(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	return a.print(out.Bytes())
}

func contains(words []string, any ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(any, w) })
}

// parseMaps reads ID:HOST:SIZE, more of them with commas.
func parseMaps(option, text string) (list []specs.LinuxIDMapping, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		var n [3]uint64
		words := strings.Split(part, ":")
		for i := range words {
			if len(words) != 3 {
				err = strconv.ErrSyntax
				break
			}
			if n[i], err = strconv.ParseUint(words[i], 10, 32); err != nil {
				break
			}
		}
		if err != nil {
			return nil, fmt.Errorf("option %s: %q is not ID:HOST:SIZE", option, part)
		}
		list = append(list, specs.LinuxIDMapping{ContainerID: uint32(n[0]), HostID: uint32(n[1]), Size: uint32(n[2])})
	}
	return list, nil
}
