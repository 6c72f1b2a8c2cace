package cli

import (
	"strings"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/doctor"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/libcontainer"
)

// exitSick is the exit code where something is missing, or nothing can be said.
const exitSick = 2

var doctorCommand = command{
	name:      "doctor",
	usage:     "say what this host can do for containers, or for a bundle",
	argsUsage: "[BUNDLE]",
	description: `Examines the host as its caller: system calls, namespaces, id maps, file
systems, cgroups, seccomp, labels and more. Each line says whether a thing is ok,
degraded or missing, what fails because of it, and how to mend it. What a look
can't tell is tried, in processes that end at once, and in cgroups that go again.

The exit code is 2 if something is missing that every container needs, 1 if
something is degraded or missing that many containers need, and otherwise 0. With
a bundle only what that needs counts: 2 if it is missing, 1 if it is degraded.
After an error, such as a bundle that can't be read, it is 2. Global options
count as they would for create. What nobody can know before isn't told: whether
hooks succeed, what agents answer, what is in mounts, as a program that is looked
for below one, whether a memory limit or a share of real time is enough, whether a
profile that refuses some arguments of execve refuses the program's, and what the
limits of who starts rung then are.

EXAMPLE:
   # rung doctor
   # rung --systemd-cgroup doctor box
   # rung doctor --format json | jq '.checks[] | select(.status != "ok")'`,
	maxArgs: 1,
	trouble: exitSick,
	build: func(a *app, c *urfave.Command) action {
		var format string
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{
				Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "text",
				Usage: "`format` of what is said: text or json",
			},
		}
		return func(args []string) error {
			return a.doctor(format, args)
		}
	},
}

func (a *app) doctor(format string, args []string) error {
	r, err := a.runtime()
	if err != nil {
		return err
	}
	if err := checkFormat(format, "text", "json"); err != nil {
		return err
	}
	o := doctor.Options{
		Root: r.Root, SystemdCgroup: r.SystemdCgroup, NoCgroup: r.NoCgroup,
		Rootless: a.global.withoutPrivileges(thisCaller()),
	}
	if len(args) > 0 {
		if o.Bundle, err = spec.Load(args[0]); err != nil {
			return err
		}
		_, o.Refused = r.Plan(&libcontainer.CreateOptions{ID: "doctor", Bundle: args[0]})
	}
	list := doctor.Examine(&o)
	a.code = doctor.Verdict(list)
	if format == "text" {
		return a.print([]byte(checksText(list)))
	}
	out, err := checksJSON(list, a.code)
	if err != nil {
		return err
	}
	return a.print(out)
}

// check is a doctor.Check in JSON, see docs/schema/doctor.json.
type check struct {
	Name   string        `json:"name"`
	Status doctor.Status `json:"status"`
	Need   doctor.Need   `json:"need"`
	Field  string        `json:"field,omitempty"`
	Found  string        `json:"found,omitempty"`
	Fails  string        `json:"fails,omitempty"`
	Mend   string        `json:"mend,omitempty"`
}

func checksJSON(list []doctor.Check, code int) ([]byte, error) {
	doc := struct {
		Verdict doctor.Status `json:"verdict"`
		Checks  []check       `json:"checks"`
	}{doctor.Statuses[code], []check{}}
	for i := range list {
		c := &list[i]
		doc.Checks = append(doc.Checks, check{c.Name, c.Status, c.Need, c.Field, c.Found, c.Fails, c.Mend})
	}
	return indented(doc)
}

// checksText writes a paragraph for each subject. What is ok and has no more to be said of it shares a line.
func checksText(list []doctor.Check) string {
	var b strings.Builder
	subject := ""
	var fine []string
	flush := func() {
		if len(fine) > 0 {
			b.WriteString("  ok        " + strings.Join(fine, ", ") + "\n")
		}
		fine = nil
	}
	for i := range list {
		c := &list[i]
		of, name, _ := strings.Cut(c.Name, ".")
		if of != subject {
			flush()
			b.WriteString(of + "\n")
			subject = of
		}
		if c.Status == doctor.OK && c.Found == "" {
			fine = append(fine, printable(name))
			continue
		}
		flush()
		b.WriteString(checkText(c, name))
	}
	flush()
	return b.String()
}

func checkText(c *doctor.Check, name string) string {
	var b strings.Builder
	b.WriteString("  " + string(c.Status) + strings.Repeat(" ", len("degraded  ")-len(c.Status)) + printable(name))
	if c.Need == doctor.Optional && c.Status != doctor.OK {
		b.WriteString(" (optional)")
	}
	if c.Found != "" {
		b.WriteString(": " + printable(c.Found))
	}
	b.WriteByte('\n')
	for _, line := range [...]struct{ label, text string }{{"asked for by", c.Field}, {"fails", c.Fails}, {"mend", c.Mend}} {
		if line.text != "" && c.Status != doctor.OK {
			b.WriteString("            " + line.label + ": " + printable(line.text) + "\n")
		}
	}
	return b.String()
}
