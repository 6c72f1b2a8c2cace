package device

import (
	"errors"
	"slices"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// ErrV1 says that the rules can't be put into a cgroup v1 devices controller:
// they punch holes into both what is allowed and what is denied by wildcard.
var ErrV1 = errors.New("linux.resources.devices: cgroup v1 can't express these rules: exceptions both to wildcard allowances and to wildcard denials")

// V1 returns the writes after which a cgroup v1 devices controller answers as
// the list does. The first denies everything, so that the cgroup never allows
// more than it will in the end; only a list that allows by default opens up
// again before its denials are written.
//
// The kernel keeps one default and a set of exceptions to it, and removes an
// exception only when given exactly as it was added. A list is therefore
// reduced to such a set first ([List.V1]), and refused with [ErrV1] when there is none.
func V1(l List) ([]cgfile.Write, error) {
	s, err := l.V1(len(l) > 0 && l[0].Type == All)
	if err != nil {
		return nil, err
	}
	return append([]cgfile.Write{v1Write(denyFile, "a")}, s.anew()...), nil
}

func v1Write(file, value string) cgfile.Write {
	return cgfile.Write{Controller: "devices", File: file, Value: value, Field: "linux.resources.devices"}
}

// exceptions reduces the list to a default and the exceptions to it. It reports
// false when a rule takes away only a part of an exception.
func exceptions(l List, allow bool) (set List, ok bool) {
	if allow {
		// Nothing is allowed yet when the list begins.
		set = List{{Type: Block, Major: Any, Minor: Any, Access: full}, {Type: Char, Major: Any, Minor: Any, Access: full}}
	}
	for _, r := range split(l) {
		if r.Allow != allow {
			set = append(set, r)
			continue
		}
		if set, ok = subtract(set, r); !ok {
			return nil, false
		}
	}
	set = merge(set)
	if !allow {
		set = complete(set)
	}
	return set, true
}

// split replaces rules for all devices by one for each type.
func split(l List) List {
	var out List
	for _, r := range l {
		if r.Type != All {
			out = append(out, r)
			continue
		}
		for _, t := range []byte{Block, Char} {
			out = append(out, Rule{r.Allow, t, Any, Any, full})
		}
	}
	return out
}

func subtract(set List, r Rule) (List, bool) {
	for i := range set {
		e := &set[i]
		if e.Access&r.Access == 0 || !e.overlaps(r) {
			continue
		}
		if !r.matches(e.Type, e.Major, e.Minor) {
			return nil, false
		}
		e.Access &^= r.Access
	}
	return slices.DeleteFunc(set, func(e Rule) bool { return e.Access == 0 }), true
}

func (r Rule) overlaps(o Rule) bool {
	return r.Type == o.Type &&
		(r.Major == Any || o.Major == Any || r.Major == o.Major) &&
		(r.Minor == Any || o.Minor == Any || r.Minor == o.Minor)
}

// merge makes one exception of those for the same devices and drops what a
// wider one says already.
func merge(set List) List {
	out := mergeSame(set)
	var widest List
	for _, r := range out {
		if !slices.ContainsFunc(out, func(o Rule) bool { return !r.same(o) && o.covers(r) }) {
			widest = append(widest, r)
		}
	}
	return widest
}

func (r Rule) same(o Rule) bool {
	return r.Type == o.Type && r.Major == o.Major && r.Minor == o.Minor
}

// complete adds what overlapping exceptions allow together: the kernel wants
// one exception that holds every bit of a request, so that "c 5:* r" and
// "c *:2 w" don't let 5:2 be opened for both without a third. Making a node is
// always asked for alone.
func complete(set List) List {
	for grown := true; grown; {
		grown = false
		for i := range set {
			for j := range i {
				both, ok := meet(set[i], set[j])
				if ok && !slices.ContainsFunc(set, func(o Rule) bool { return o.covers(both) }) {
					set, grown = append(set, both), true
				}
			}
		}
		set = mergeSame(set)
	}
	return set
}

func mergeSame(set List) List {
	var out List
	for _, r := range set {
		if i := slices.IndexFunc(out, r.same); i >= 0 {
			out[i].Access |= r.Access
		} else {
			out = append(out, r)
		}
	}
	return out
}

// meet is the devices that both speak of, to be opened for reading and writing,
// if one rule allows the one and the other the other.
func meet(a, b Rule) (Rule, bool) {
	const open = Read | Write
	if !a.overlaps(b) || (a.Access|b.Access)&open != open || a.Access&open == open || b.Access&open == open {
		return Rule{}, false
	}
	return Rule{a.Allow, a.Type, max(a.Major, b.Major), max(a.Minor, b.Minor), open}, true
}
