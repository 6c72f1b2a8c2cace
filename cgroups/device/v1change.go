package device

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

const (
	allowFile = "devices.allow"
	denyFile  = "devices.deny"
)

// V1State is what a cgroup v1 devices controller keeps: a default, and the
// exceptions to it.
type V1State struct {
	Allow      bool
	Exceptions List
}

// V1 reduces the list to a state of a v1 controller, one with the given default
// if that can be. The error is [ErrV1].
func (l List) V1(allow bool) (V1State, error) {
	for _, allow := range [...]bool{allow, !allow} {
		if set, ok := exceptions(l, allow); ok {
			return V1State{allow, set}, nil
		}
	}
	return V1State{}, ErrV1
}

// ParseV1 reads devices.list. A controller that allows by default doesn't tell
// its exceptions: they are those of the rules that are known to be in force.
func ParseV1(text string, known List) (V1State, error) {
	var s V1State
	for line := range strings.Lines(text) {
		r, err := parseV1(strings.TrimSpace(line))
		if err != nil {
			return s, err
		}
		if r.Type == All {
			if k, err := known.V1(true); err == nil && k.Allow {
				return k, nil
			}
			return V1State{Allow: true}, nil
		}
		s.Exceptions = append(s.Exceptions, r)
	}
	return s, nil
}

// parseV1 reads a line of devices.list, such as "c 1:3 rwm" or "a *:* rwm".
func parseV1(line string) (Rule, error) {
	r := Rule{Allow: true, Major: Any, Minor: Any}
	fields := strings.Fields(line)
	if len(fields) == 3 && len(fields[0]) == 1 {
		r.Type = fields[0][0]
		major, minor, ok := strings.Cut(fields[1], ":")
		access, err := parseAccess(fields[2])
		if r.Access = access; ok && err == nil && strings.IndexByte("abc", r.Type) >= 0 && scan(major, &r.Major) && scan(minor, &r.Minor) {
			return r, nil
		}
	}
	return r, fmt.Errorf("devices.list: %.50q is not a rule", line)
}

func scan(s string, n *int64) bool {
	if s == "*" {
		return true
	}
	var u uint32
	_, err := fmt.Sscanf(s, "%d", &u)
	*n = int64(u)
	return err == nil
}

// V1Change returns the writes that turn one state of a v1 controller into
// another. Between two writes nothing is permitted that neither state permits,
// unless unsafe says so: then no process may run meanwhile, for the default
// changes, which takes all exceptions away.
//
// Writing to a state that is reached already, or half, changes nothing: so the
// change in the other direction takes back one that failed.
func V1Change(from, to V1State) (writes []cgfile.Write, unsafe bool) {
	if from.Allow != to.Allow {
		writes = to.anew()
		if !to.Allow {
			writes = append([]cgfile.Write{v1Write(denyFile, "a")}, writes...)
		}
		return writes, len(writes) > 1
	}
	more, less := differ(from.Exceptions, to.Exceptions)
	add, remove := allowFile, denyFile
	if to.Allow {
		// Denied is what one exception denies: with both sets nobody gets more.
		add, remove = denyFile, allowFile
		return append(rules(add, more), rules(remove, less)...), false
	}
	// Allowed is what a single exception allows whole. One that loses accesses
	// and gets others does so in that order, or it would allow both together.
	var both []cgfile.Write
	more = slices.DeleteFunc(more, func(m Rule) bool {
		i := slices.IndexFunc(less, m.same)
		if i < 0 {
			return false
		}
		both = append(both, v1Write(remove, less[i].v1()), v1Write(add, m.v1()))
		less = slices.Delete(less, i, i+1)
		return true
	})
	return slices.Concat(rules(add, more), both, rules(remove, less)), false
}

// anew returns the writes that make the state of one that denies everything.
func (s V1State) anew() []cgfile.Write {
	if !s.Allow {
		return rules(allowFile, s.Exceptions)
	}
	return append([]cgfile.Write{v1Write(allowFile, "a")}, rules(denyFile, s.Exceptions)...)
}

func rules(file string, l List) []cgfile.Write {
	var out []cgfile.Write
	for _, r := range l {
		out = append(out, v1Write(file, r.v1()))
	}
	return out
}

// differ returns the accesses that only the second set has, and those that only
// the first has, each by exception.
func differ(from, to List) (more, less List) { return beyond(to, from), beyond(from, to) }

// beyond returns what a has and b hasn't.
func beyond(a, b List) List {
	var out List
	for _, r := range mergeSame(a) {
		for _, o := range b {
			if o.same(r) {
				r.Access &^= o.Access
			}
		}
		if r.Access != 0 {
			out = append(out, r)
		}
	}
	return out
}
