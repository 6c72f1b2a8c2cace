package libcontainer

import (
	"strings"

	"github.com/rung-oci/rung/seccomp"
)

// debug tells what was decided, and why, to people who look for a fault. What takes
// work to tell looks at r.Debug first.
func (r *Runtime) debug(format string, args ...any) {
	if r.Debug != nil {
		r.Debug(format, args...)
	}
}

// tellCgroups tells where the container's cgroups are to be, and who makes them.
func (c *creation) tellCgroups() {
	if c.r.Debug == nil {
		return
	}
	for line := range strings.Lines(c.layout.String()) {
		c.r.debug("cgroup layout of the host: %s", strings.TrimSuffix(line, "\n"))
	}
	driver := c.driver()
	if driver == "none" {
		driver += ", the container stays in its creator's"
	}
	c.r.debug("cgroup driver: %s", driver)
	if len(c.loc) > 0 {
		c.r.debug("cgroups of the container: %s", c.loc)
	}
}

// driver is who makes the container's cgroups.
func (c *creation) driver() string {
	switch {
	case c.r.SystemdCgroup:
		return "systemd"
	case len(c.loc) == 0:
		return "none"
	}
	return "cgroupfs"
}

// tellProfile tells what of the seccomp profile has no effect.
func (c *creation) tellProfile() {
	if l := c.bundle.Spec.Linux; c.r.Debug != nil && l != nil && seccomp.Wanted(l.Seccomp) {
		var names []string
		for _, u := range seccomp.Unknown(l.Seccomp) {
			name := u.Name
			if u.Meant != "" {
				name += " (did you mean " + u.Meant + "?)"
			}
			names = append(names, name)
		}
		if len(names) > 0 {
			c.r.debug("linux.seccomp: ignored names of no known system call: %s", strings.Join(names, " "))
		}
	}
}

// tellPlan tells all that will be done.
func (c *creation) tellPlan() {
	if c.r.Debug == nil {
		return
	}
	for line := range strings.Lines(c.plan.String()) {
		c.r.debug("plan: %s", strings.TrimSuffix(line, "\n"))
	}
}
