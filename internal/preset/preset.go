// Package preset has changes of the example configuration that people often want, by name.
package preset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/suggest"
)

// Caller is who writes a configuration, and where.
type Caller struct {
	UID, GID uint32
	Unified  bool // cgroup v2 only
}

// A Preset is a change, and what it can't be together with.
type Preset struct {
	Name  string
	Usage string // what it does

	against []reason
	apply   func(*specs.Spec, *Caller)
	broken  func(*specs.Spec) string // by an image: how; "": it isn't
}

// A reason is why a preset can't be together with another.
type reason struct{ other, why string }

// list is in the order in which presets are applied: who is root first, then what he gets, then
// what is taken away again.
var list = [...]Preset{
	{
		Name: "rootless", Usage: "for a user without privileges, as --rootless",
		apply: func(s *specs.Spec, c *Caller) { spec.Rootless(s, c.UID, c.GID) },
	},
	{
		Name: "userns", Usage: "root is the host's user 100000, by a user namespace",
		against: []reason{{"rootless", "both make the user namespace"}},
		apply:   func(s *specs.Spec, _ *Caller) { ownUsers(s) },
	},
	{
		Name: "systemd", Usage: "the program is systemd, and has all that it needs",
		apply: func(s *specs.Spec, _ *Caller) { forSystemd(s) },
	},
	{
		Name: "engine-caps", Usage: "capabilities that engines give, and images rely on",
		apply: func(s *specs.Spec, _ *Caller) { grant(s, engineCapabilities...) },
	},
	{
		Name: "host-network", Usage: "the host's network",
		apply: func(s *specs.Spec, _ *Caller) { hostNetwork(s) },
	},
	{
		Name: "no-network", Usage: "a network of its own that has nothing but lo",
		against: []reason{{"host-network", "it is the host's network or none"}},
		apply:   func(s *specs.Spec, _ *Caller) { noNetwork(s) },
	},
	{
		Name: "seccomp", Usage: "no system calls that change the host's kernel",
		apply: func(s *specs.Spec, _ *Caller) { s.Linux.Seccomp = profile() },
	},
	{
		Name: "kubernetes-restricted", Usage: "the restricted Pod Security Standard, user 65532",
		against: []reason{
			{"rootless", "a user that isn't root needs more ids than the caller's own"},
			{"systemd", "systemd is root"},
			{"engine-caps", "it has no capabilities"},
			{"host-network", "it has no namespaces of the host's"},
		},
		apply: func(s *specs.Spec, _ *Caller) { restrict(s) },
		broken: func(s *specs.Spec) string {
			if s.Process.User.UID == 0 {
				return "user of the image is root"
			}
			return ""
		},
	},
	{
		Name: "readonly", Usage: "a read-only root filesystem, as without a preset",
		apply: func(s *specs.Spec, _ *Caller) { s.Root.Readonly = true },
	},
	{
		Name: "writable", Usage: "a writable root filesystem",
		against: []reason{{"readonly", "the root filesystem is the one or the other"}},
		apply:   func(s *specs.Spec, _ *Caller) { s.Root.Readonly = false },
	},
	{
		Name: "no-terminal", Usage: "standard streams in place of a terminal",
		apply: func(s *specs.Spec, _ *Caller) { s.Process.Terminal = false },
	},
}

// List is all presets.
func List() []Preset { return slices.Clone(list[:]) }

// Names are those of all presets.
func Names() (names []string) {
	for i := range list {
		names = append(names, list[i].Name)
	}
	return names
}

// Spec is the example configuration, changed by presets. Their order doesn't matter.
func Spec(names []string, c *Caller) (*specs.Spec, error) {
	if err := check(names); err != nil {
		return nil, err
	}
	s := spec.Example()
	if !c.Unified {
		// As with runc: elsewhere programs look for their cgroups where the host has them.
		spec.Drop(s, specs.CgroupNamespace)
	}
	for i := range list {
		if slices.Contains(names, list[i].Name) {
			list[i].apply(s, c)
		}
	}
	return s, nil
}

// Check tells whether a configuration is what presets promise, after an image's has been applied.
func Check(s *specs.Spec, names []string) error {
	for i := range list {
		if p := &list[i]; p.broken != nil && slices.Contains(names, p.Name) {
			if how := p.broken(s); how != "" {
				return fmt.Errorf("preset %s: %s", p.Name, how)
			}
		}
	}
	return nil
}

// check refuses what isn't there, and what contradicts itself.
func check(names []string) error {
	for _, name := range names {
		if name == "" {
			return errors.New("name of a preset is empty")
		}
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("unknown preset %q%s; it can be %s", name, suggest.Meant(name, Names(), ""), strings.Join(Names(), ", "))
		}
	}
	for i := range list {
		if !slices.Contains(names, list[i].Name) {
			continue
		}
		for _, r := range list[i].against {
			if slices.Contains(names, r.other) {
				return fmt.Errorf("presets %s and %s contradict each other: %s", r.other, list[i].Name, r.why)
			}
		}
	}
	return nil
}
