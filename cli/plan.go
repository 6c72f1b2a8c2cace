package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/inherited"
	"github.com/rung-oci/rung/internal/preview"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/libcontainer"
)

var planCommand = command{
	name:      "plan",
	usage:     "say what would be done to create a container",
	argsUsage: "[BUNDLE]",
	description: `Says what "rung create" would do with a bundle, by default the one in the
current directory, and does nothing: namespaces, cgroups with what is written to
them, mounts with the flags that they will have, devices, hooks, and all steps
and system calls in their order. Who may not create the container is told what
root would do.

With --diff, says how the plans of two bundles differ; with --against, how that
of a bundle differs from what a container has been given: then the exit code is
1 if they do. After any error it is 2.

EXAMPLE:
   # rung plan box
   # rung plan --format json box | jq .cgroup.writes
   # rung plan --diff box box2
   # rung plan --against web box`,
	maxArgs: 2,
	trouble: 2, // as of diff(1)
	build: func(a *app, c *urfave.Command) action {
		p := &planning{app: a}
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{
				Name: "format", Aliases: []string{"f"}, Destination: &p.format, Value: "text",
				Usage: "`format` of the plan: text or json",
			},
			&urfave.BoolFlag{Name: "diff", Destination: &p.diff, Usage: "compare the plans of two bundles"},
			&urfave.StringFlag{Name: "against", Destination: &p.against, Usage: "compare with the container of this `id`"},
			&urfave.StringFlag{Name: "id", Destination: &p.opt.ID, Usage: "`id` of the container, which must be free; the bundle's name by default"},
			&urfave.BoolFlag{Name: "no-pivot", Destination: &p.opt.NoPivot, Usage: "as of create"},
			&urfave.BoolFlag{Name: "no-new-keyring", Destination: &p.opt.NoNewKeyring, Usage: "as of create"},
			&numberFlag{Name: "preserve-fds", Destination: &p.opt.PreserveFDs, Usage: "as of create"},
		}
		return p.run
	},
}

// planning is a call of plan.
type planning struct {
	*app
	runtime *libcontainer.Runtime
	opt     libcontainer.CreateOptions
	format  string
	diff    bool
	against string
}

func (p *planning) run(args []string) (err error) {
	if err := checkPreserved(p.opt.PreserveFDs, inherited.CheckPreserved); err != nil {
		return err
	}
	if err := checkFormat(p.format, "text", "json"); err != nil {
		return err
	}
	if p.runtime, err = p.app.runtime(); err != nil {
		return err
	}
	p.runtime.Rootless = p.global.withoutPrivileges(thisCaller())
	switch {
	case p.diff && p.against != "":
		return errors.New("option --diff: not together with --against")
	case p.diff && len(args) != 2:
		return errors.New("option --diff: it takes two bundles")
	case !p.diff && len(args) > 1:
		return errors.New("two bundles: that takes --diff")
	}
	bundle := "."
	if len(args) > 0 {
		bundle = args[0]
	}
	if p.against != "" && p.opt.ID == "" {
		p.opt.ID = p.against
	}
	if p.opt.ID != "" && !p.diff && p.against == "" {
		// Of the bundle's name, which nobody has given, nothing follows.
		if _, err := p.runtime.Container(p.opt.ID).State(); err == nil || errors.Is(err, libcontainer.ErrOutOfSight) {
			return fmt.Errorf("option --id %s: %w", p.opt.ID, libcontainer.ErrExist)
		}
	}
	plan, err := p.of(bundle)
	if err != nil {
		return err
	}
	switch {
	case p.diff:
		p.opt.ID = plan.ID // which names cgroups
		other, err := p.of(args[1])
		if err != nil {
			return err
		}
		return p.changes(plan, other)
	case p.against != "":
		have, err := p.runtime.Container(p.against).Plan()
		if err != nil {
			return err
		}
		return p.changes(have, plan)
	}
	if p.format == "text" {
		return p.print([]byte(plan.Text()))
	}
	return p.json(plan)
}

// of is the plan of a bundle.
func (p *planning) of(bundle string) (*preview.Preview, error) {
	o := p.opt
	var err error
	if o.Bundle, err = filepath.Abs(bundle); err != nil {
		return nil, err
	}
	if o.ID == "" {
		o.ID = filepath.Base(o.Bundle)
		if state.CheckID(o.ID) != nil {
			o.ID = "container"
		}
	}
	return p.runtime.Plan(&o)
}

// changes prints how two plans differ.
func (p *planning) changes(a, b *preview.Preview) error {
	list := preview.Diff(a, b)
	if len(list) > 0 {
		p.code = 1
	}
	if p.format == "json" {
		return p.json(list)
	}
	var out strings.Builder
	section := ""
	for _, c := range list {
		if c.Section != section {
			section = c.Section
			out.WriteString(section + "\n")
		}
		out.WriteString(c.Op + " " + c.Line + "\n")
	}
	return p.print([]byte(out.String()))
}

func (p *planning) json(v any) error {
	out, err := indented(v)
	if err != nil {
		return err
	}
	return p.print(out)
}
