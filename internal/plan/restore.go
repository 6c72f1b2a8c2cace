package plan

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/step"
)

// A Restoration is what has to be there before a container is made of images: mount points, and what is mounted there from outside. All
// else is in the images.
type Restoration struct {
	Steps   []Restored    // in order
	Sources []step.Source // by their numbers in steps
	Null    int           // the source that hides files; -1: none does
}

// A Restored is a step in a copy of the container's root, which is not to be its root.
type Restored struct {
	Step step.Step
	// Key is what the images call the mount, if it comes from outside; "": they have it.
	Key string
}

// NullKey is what runc's images call that which hides files. In ours it is called as what it hides.
const NullKey = "/dev/null"

// Restore plans a restoration. The configuration must be valid.
func Restore(s *specs.Spec, host *Host, opt *Options) (*Restoration, error) {
	p := live(s, host, opt)
	if !p.ns.isNew(specs.MountNamespace) {
		return nil, errors.New("linux.namespaces: a container without a mount namespace of its own can't be restored")
	}
	r := &Restoration{Null: -1}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		o, err := option.Parse(m.Options)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.field(i, "options"), err)
		}
		if o.Remount {
			continue
		}
		p.Orders.Steps, p.number = nil, step.Number(i+1)
		p.mount(i, m, o)
		for _, made := range p.Orders.Steps {
			r.Steps = append(r.Steps, p.restored(made, m.Type, o.Bind))
		}
		p.number = 0
	}
	if len(p.linux().MaskedPaths) > 0 {
		r.Null = p.nullSource()
	}
	p.Orders.Steps = nil
	if !p.covered("/dev") || p.ns.user() {
		p.devices()
	}
	for _, made := range p.Orders.Steps {
		key := ""
		if d, ok := made.(*step.BindDevice); ok {
			key = d.Path
		}
		r.Steps = append(r.Steps, Restored{made, key})
	}
	r.Sources = p.Sources
	return r, nil
}

// restored is what a step of a create becomes: what comes from outside is mounted, and of all else there is something in its place
// that goes again, so that mount points below aren't made in the root filesystem.
func (p *planner) restored(made step.Step, kind string, bind bool) Restored {
	m, ok := made.(*step.Mount)
	if !ok {
		return Restored{Step: made}
	}
	cgroups := strings.HasPrefix(kind, "cgroup") && !p.ns.own(specs.CgroupNamespace)
	if m.From == step.FromRoot || m.From == step.FromTree && (bind || kind == "bind" || cgroups) {
		return Restored{m, m.Target}
	}
	return Restored{Step: &step.StandIn{Target: m.Target, Number: m.Number, Kind: m.Kind}}
}

// covered tells whether something new is mounted at a path, or above.
func (p *planner) covered(at string) bool {
	return slices.ContainsFunc(p.spec.Mounts, func(m specs.Mount) bool {
		destination := path.Clean("/" + m.Destination)
		return destination != "/" && Within(at, destination)
	})
}
