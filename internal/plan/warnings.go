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
	for _, path := range h.Lacks {
		asked := s.Linux != nil && slices.ContainsFunc(s.Linux.Devices, func(d specs.LinuxDevice) bool { return d.Path == path })
		if !asked {
			warnings = append(warnings, path+" is left out: the host's isn't that device, and none can be made without privileges")
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
	granted := capabilities(c, have).Ambient
	missing = nil
	for _, name := range c.Ambient {
		if bit, _ := caps.Parse(name); !granted.Has(bit) && !noted[name] {
			noted[name] = true
			missing = append(missing, name)
		}
	}
	switch len(missing) {
	case 0:
	case 1:
		warnings = append(warnings, "can't raise ambient capability "+missing[0]+": operation not permitted")
	default: // runc has a line for each; buildah asks for all of them
		warnings = append(warnings, "can't raise ambient capabilities ["+strings.Join(missing, " ")+"]: operation not permitted")
	}
	return warnings
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
