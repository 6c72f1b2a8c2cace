package audit

import (
	"fmt"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/seccomp"
)

// maxNames is how many names of a kind are told one by one: to find the place of each is a walk
// through the document.
const maxNames = 100

// names are those of capabilities and system calls that there aren't: kernels to come may have them,
// or somebody has mistyped.
func (a *auditor) names() {
	a.capabilityNames()
	a.unbounded()
	if a.s.Linux == nil || !seccomp.Wanted(a.s.Linux.Seccomp) {
		return
	}
	list := seccomp.Unknown(a.s.Linux.Seccomp)
	for i, u := range list {
		if i == maxNames {
			a.find(Ignored, "linux.seccomp.syscalls", fmt.Sprintf("%d more names are of no system call", len(list)-i), "")
			break
		}
		if u.Name != "" { // which is an error
			a.find(Ignored, u.Path, fmt.Sprintf("no system call is called %.100q", u.Name), orLeave(u.Meant))
		}
	}
}

func (a *auditor) capabilityNames() {
	if a.s.Process == nil || a.s.Process.Capabilities == nil {
		return
	}
	c, found := a.s.Process.Capabilities, 0
	for _, l := range [...]struct {
		field string
		names []string
	}{
		{"bounding", c.Bounding},
		{"effective", c.Effective},
		{"permitted", c.Permitted},
		{"inheritable", c.Inheritable},
		{"ambient", c.Ambient},
	} {
		for i, name := range l.names {
			if _, known := caps.Parse(name); known {
				continue
			}
			if found++; found > maxNames {
				a.find(Ignored, "process.capabilities", "more names are of no capability", "")
				return
			}
			path := fmt.Sprintf("process.capabilities.%s[%d]", l.field, i)
			a.find(Ignored, path, fmt.Sprintf("no capability is called %.100q", name), orLeave(caps.Meant(name)))
		}
	}
}

// unbounded finds the capabilities that are to be inherited and that the bounding set lacks: the kernel gives them to nobody, unless who
// starts the container has inherited them himself.
func (a *auditor) unbounded() {
	if a.s.Process == nil || a.s.Process.Capabilities == nil {
		return
	}
	bounding, _ := caps.FromNames(a.s.Process.Capabilities.Bounding)
	for i, name := range a.s.Process.Capabilities.Inheritable {
		if bit, known := caps.Parse(name); known && !bounding.Has(bit) {
			path := fmt.Sprintf("process.capabilities.inheritable[%d]", i)
			a.find(Error, path, fmt.Sprintf("%.100q is inheritable and not in process.capabilities.bounding: the kernel refuses that", name), "list it there, too, or leave it out")
			return
		}
	}
}

// orLeave is what to do about a name that isn't known.
func orLeave(meant string) string {
	if meant == "" {
		return "leave it out"
	}
	return "did you mean " + meant + "?"
}
