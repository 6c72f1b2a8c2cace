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
		Name:   "owner of /dev/mqueue in a user namespace",
		Reason: "It is the host's root.",
		Later:  "issue 21, /dev/mqueue",
		Key:    re(`^file `),
		Rung:   re(`^directory 1777 0:`),
		If:     ownUser,
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
