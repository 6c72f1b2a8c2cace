package plan

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/caps"
)

// Warnings say what of process can't be granted and is left out, where the runtime-spec
// wants a warning and no error. s is the container's configuration. The texts are runc's, at their beginning.
func Warnings(s *specs.Spec, process *specs.Process, h *Host) []string {
	warnings := lacking(s, h)
	if process == nil || process.Capabilities == nil {
		return warnings
	}
	user := s.Linux != nil && slices.ContainsFunc(s.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == specs.UserNamespace })
	return append(warnings, capabilityWarnings(process.Capabilities, given(h, user))...)
}

// lacking tells of default devices that are left out: runc binds whatever has the name.
func lacking(s *specs.Spec, h *Host) (warnings []string) {
	if len(h.Lacks) == 0 {
		return nil
	}
	for _, n := range DefaultDevicesOf(s) {
		asked := s.Linux != nil && slices.ContainsFunc(s.Linux.Devices, func(d specs.LinuxDevice) bool { return d.Path == n.Path })
		if !asked && slices.Contains(h.Lacks, n.Path) {
			warnings = append(warnings, n.Path+" is left out: the host's isn't that device, and none can be made without privileges")
		}
	}
	return warnings
}

// maxMeant is for how many unknown capabilities it is looked up which may have been meant.
const maxMeant = 10

func capabilityWarnings(c *specs.LinuxCapabilities, have caps.Set) (warnings []string) {
	var missing, meant []string
	noted := map[string]bool{}
	for _, list := range [...][]string{c.Bounding, c.Effective, c.Permitted, c.Inheritable, c.Ambient} {
		for _, name := range list {
			bit, known := caps.Parse(name)
			if known && have.Has(bit) || noted[name] {
				continue
			}
			noted[name] = true
			missing = append(missing, shown(name))
			if known || len(missing) > maxMeant {
				continue
			}
			if other := caps.Meant(name); other != "" && !slices.Contains(meant, other) {
				meant = append(meant, other)
			}
		}
	}
	if len(missing) > 0 {
		text := "ignoring unknown or unavailable capabilities: [" + strings.Join(missing, " ") + "]"
		if len(meant) > 0 {
			text += "; did you mean " + strings.Join(meant, ", ") + "?"
		}
		warnings = append(warnings, text)
	}
	// runc has a line for each that is ambient; buildah asks for all of them.
	granted := capabilities(c, have)
	warnings = raise(warnings, "effective", c.Effective, granted.Effective, noted)
	return raise(warnings, "ambient", c.Ambient, granted.Ambient, noted)
}

// raise warns of what is asked for in a set and isn't in another that it takes, capabilities(7).
func raise(warnings []string, set string, asked []string, granted caps.Set, noted map[string]bool) []string {
	var missing []string
	for _, name := range asked {
		if bit, _ := caps.Parse(name); !granted.Has(bit) && !noted[name] {
			noted[name] = true
			missing = append(missing, name)
		}
	}
	switch len(missing) {
	case 0:
		return warnings
	case 1:
		return append(warnings, "can't raise "+set+" capability "+missing[0]+": operation not permitted")
	}
	return append(warnings, "can't raise "+set+" capabilities ["+strings.Join(missing, " ")+"]: operation not permitted")
}

// shown is a name of the configuration's that fits into a line.
func shown(name string) string {
	const limit = 64
	if len(name) > limit {
		name = name[:limit] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, name)
}
