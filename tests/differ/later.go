package differ

import (
	"regexp"
	"slices"
)

// table is all that is known of what is seen.
var table = slices.Concat(deliberate, aboutMounts, later, pending)

// tables are all entries, in parts.
var tables = []struct {
	title string
	list  []*Known
}{
	{"what runc can't do", runcFails},
	{"deliberate differences, and faults of runc", slices.Concat(deliberate, aboutMounts)},
	{"faults that another issue mends", later},
	{"faults of rung, reported and not decided", pending},
}

// later are known faults that another issue mends, and the line of it.
var later = []*Known{
	{
		Name:   "hooks and time namespaces",
		Reason: "They run in the host's.",
		Later:  "issue 20, createContainer hooks",
		Key:    re(`^hook (createContainer|startContainer) namespaces`),
		Where:  func(_ *Case, d Difference) bool { return sameBut(d, `time \w+`) },
	},
	{
		Name:   "owner of /dev/mqueue in a user namespace",
		Reason: "It is the host's root.",
		Later:  "issue 21, /dev/mqueue",
		Key:    re(`^file `),
		Rung:   re(`^directory 1777 0:`),
		If:     ownUser,
	},
	{
		Name:   "createContainer hooks with a user namespace and a joined cgroup namespace",
		Reason: "create fails: setns: operation not permitted.",
		Later:  "issue 20, createContainer hooks",
		Key:    re(`^(do |exit$|report$|left|log errors)`),
		If: func(c *Case) bool {
			made, _ := c.has("user")
			_, joined := c.has("cgroup")
			return made && joined && hooked(c) && len(c.Spec.Hooks.CreateContainer) > 0
		},
	},
}

// pending are faults that have been reported and aren't decided or mended yet.
// The list is empty when all is well.
var pending = []*Known{}

// sameBut reports whether the values are equal when what matches is left out.
func sameBut(d Difference, pattern string) bool {
	p := regexp.MustCompile(pattern)
	return p.ReplaceAllString(d.Rung, "") == p.ReplaceAllString(d.Runc, "")
}
