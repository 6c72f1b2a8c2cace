package cli

import (
	"fmt"
	"strings"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/libcontainer"
)

var inspectCommand = command{
	name:      "inspect",
	usage:     "show what was asked for, and what the kernel says of it",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Asks the kernel about the first process of a container that is created, runs or
is paused: its namespaces, mounts, ids, capabilities, limits and labels, and the
values of its cgroups. Each stands beside what the configuration asks for; what
differs is marked with an exclamation mark. What the kernel rounds, or writes in
other words, is no difference, nor is what comes with the execve of a container
that waits for start. What a program has changed for itself is one, and so are
mounts that the configuration doesn't name, as hooks and programs make them; but
not those that came with what it does name, as below a recursive bind.

Namespaces are the host's if they are those of rung itself.

EXAMPLE:
   # rung inspect web
   # rung inspect web | grep '^!'
   # rung inspect --format json web | jq '.rows[] | select(.differs)'`,
	build: func(a *app, c *urfave.Command) action {
		var format string
		c.Flags = []urfave.Flag{&urfave.StringFlag{
			Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "text",
			Usage: "`format` of what is said: text or json",
		}}
		return func(args []string) error { return a.inspect(args[0], format) }
	},
}

func (a *app) inspect(id, format string) error {
	if err := checkFormat(format, "text", "json"); err != nil {
		return err
	}
	r, err := a.runtime()
	if err != nil {
		return err
	}
	i, err := r.Container(id).Inspect()
	if err != nil {
		return err
	}
	out := inspectionText(i)
	if format == "json" {
		if out, err = indented(inspectionDocument(i)); err != nil {
			return err
		}
	}
	return a.print(out)
}

// inspectionText has a paragraph for each subject. Names are aligned in each.
func inspectionText(i *libcontainer.Inspection) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "container %s: %s, pid %d, %d difference(s)\n", i.ID, i.Status, i.PID, inspect.Differences(i.Rows))
	for _, subject := range inspect.Subjects {
		var rows []inspect.Row
		width := 0
		for _, r := range i.Rows {
			if r.Subject == subject {
				rows = append(rows, r)
				width = max(width, len(printable(r.Name)))
			}
		}
		if len(rows) > 0 {
			fmt.Fprintf(&b, "\n  %s\n", subject)
		}
		for _, r := range rows {
			b.WriteString(rowText(&r, width))
		}
	}
	return []byte(b.String())
}

// rowText is one line: what was found, and in parentheses what was asked for if that has other words.
func rowText(r *inspect.Row, width int) string {
	mark, found := ' ', r.Found
	if r.Differs {
		mark = '!'
	}
	if found == "" {
		found = "-"
	}
	var more []string
	if r.Asked != r.Found && (r.Asked != "" || r.Differs) {
		asked := r.Asked
		if asked == "" {
			asked = "nothing"
		}
		more = append(more, "asked for "+asked)
	}
	if r.Note != "" {
		more = append(more, r.Note)
	}
	line := fmt.Sprintf("%c   %-*s  %s", mark, width, printable(r.Name), printable(found))
	if len(more) > 0 {
		line += "  (" + printable(strings.Join(more, "; ")) + ")"
	}
	return line + "\n"
}

// printable keeps what a container could choose, such as a mount point's name, from moving the cursor.
func printable(s string) string {
	bad := func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if bad(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// printableLines is printable for a text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// inspectionDoc is an inspection in JSON, see docs/schema/inspect.json.
type inspectionDoc struct {
	ID          string    `json:"id"`
	Status      string    `json:"status"`
	PID         int       `json:"pid"`
	Differences int       `json:"differences"`
	Rows        []rowJSON `json:"rows"`
}

type rowJSON struct {
	Subject string `json:"subject"`
	Name    string `json:"name"`
	Asked   string `json:"asked"`
	Found   string `json:"found"`
	Differs bool   `json:"differs"`
	Note    string `json:"note,omitempty"`
}

func inspectionDocument(i *libcontainer.Inspection) inspectionDoc {
	doc := inspectionDoc{i.ID, string(i.Status), i.PID, inspect.Differences(i.Rows), []rowJSON{}}
	for _, r := range i.Rows {
		doc.Rows = append(doc.Rows, rowJSON(r))
	}
	return doc
}
