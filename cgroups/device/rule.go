// Package device decides which device nodes a container may make, read and
// write. One ordered list of rules is evaluated ([List.Allowed]), compiled to an
// eBPF program for cgroup v2 ([Compile]) or turned into the writes that make a
// cgroup v1 devices controller agree with it ([V1]).
//
// Everything starts denied, whatever the configuration says first
// (GHSA-g54h-m393-cpwq): a list without an initial deny is an allow-list too.
package device

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Access is a set of what can be done with a device. The bits are the kernel's
// BPF_DEVCG_ACC_ ones.
type Access uint8

const (
	// Mknod makes a node.
	Mknod Access = 1 << iota
	// Read opens a node for reading.
	Read
	// Write opens a node for writing.
	Write

	full = Mknod | Read | Write
)

// String is the set in the spec's letters, in the order that the kernel prints.
func (a Access) String() string {
	var s []byte
	if a&Read != 0 {
		s = append(s, 'r')
	}
	if a&Write != 0 {
		s = append(s, 'w')
	}
	if a&Mknod != 0 {
		s = append(s, 'm')
	}
	return string(s)
}

// Device types as the spec writes them.
const (
	All   byte = 'a'
	Block byte = 'b'
	Char  byte = 'c'
)

// Any is the wildcard of Major and Minor.
const Any int64 = -1

// Rule allows or denies access to some devices.
type Rule struct {
	Allow bool
	// Type is All, Block or Char. A rule for All devices covers every number and access.
	Type         byte
	Major, Minor int64
	Access       Access
}

// String is the rule as cgroup v1 writes it, after "allow" or "deny".
func (r Rule) String() string {
	word := "deny "
	if r.Allow {
		word = "allow "
	}
	return word + r.v1()
}

func (r Rule) v1() string {
	if r.Type == All {
		return "a"
	}
	return string(r.Type) + " " + number(r.Major) + ":" + number(r.Minor) + " " + r.Access.String()
}

func number(n int64) string {
	if n == Any {
		return "*"
	}
	return strconv.FormatInt(n, 10)
}

// covers tells whether every access that o speaks of is spoken of by r.
func (r Rule) covers(o Rule) bool {
	return r.Type == All || r.Type == o.Type && r.matches(o.Type, o.Major, o.Minor) && r.Access&o.Access == o.Access
}

// matches tells whether r speaks of a device, or of a class of devices given with wildcards.
func (r Rule) matches(typ byte, major, minor int64) bool {
	return (r.Type == All || r.Type == typ) &&
		(r.Major == Any || r.Major == major) &&
		(r.Minor == Any || r.Minor == minor)
}

// List is an ordered list of rules. The last rule that speaks of an access
// decides; without one it is denied.
type List []Rule

// maxRules keeps a program's jumps within 16 bits, and within the 8192 that the
// kernel's verifier follows in a row.
const maxRules = 2000

// Rules turns linux.resources.devices into a list: the configured rules in
// their order, then those that every container gets (see [defaults]). Rules that
// later ones cover are left out. Errors name the field.
func Rules(configured []specs.LinuxDeviceCgroup) (List, error) {
	if len(configured) > maxRules {
		return nil, fmt.Errorf("linux.resources.devices: %d rules are more than %d", len(configured), maxRules)
	}
	list := make(List, 0, len(configured)+len(defaults))
	for i := range configured {
		rule, err := parse(&configured[i])
		if err != nil {
			return nil, fmt.Errorf("linux.resources.devices[%d].%w", i, err)
		}
		list = append(list, rule)
	}
	return append(list, defaults[:]...).prune(), nil
}

// defaults are allowed last, so that no configuration takes them away. The list
// is runc's, tun included: programs expect to make any node, use the spec's default
// devices and open terminals. The host's console (5:1) isn't among them, as it is with crun: a
// container that may make nodes could read what is typed there.
var defaults = [...]Rule{
	{true, Char, Any, Any, Mknod},
	{true, Block, Any, Any, Mknod},
	{true, Char, 1, 3, full},     // null
	{true, Char, 1, 8, full},     // random
	{true, Char, 1, 7, full},     // full
	{true, Char, 5, 0, full},     // tty
	{true, Char, 1, 5, full},     // zero
	{true, Char, 1, 9, full},     // urandom
	{true, Char, 136, Any, full}, // pts
	{true, Char, 5, 2, full},     // ptmx
	{true, Char, 10, 200, full},  // tun
}

func parse(d *specs.LinuxDeviceCgroup) (Rule, error) {
	r := Rule{Allow: d.Allow, Major: Any, Minor: Any}
	switch d.Type {
	case "", "a":
		// The other fields are ignored then, as in the kernel's own files.
		r.Type, r.Access = All, full
		return r, nil
	case "b":
		r.Type = Block
	case "c":
		r.Type = Char
	default:
		return r, fmt.Errorf("type: %q is not a, b or c", d.Type)
	}
	var err error
	if r.Major, err = parseNumber("major", d.Major); err != nil {
		return r, err
	}
	if r.Minor, err = parseNumber("minor", d.Minor); err != nil {
		return r, err
	}
	r.Access, err = parseAccess(d.Access)
	return r, err
}

// parseNumber refuses what isn't a device number. 2³²-1 is one of those: the
// kernel's v1 files take it as the wildcard.
func parseNumber(field string, n *int64) (int64, error) {
	switch {
	case n == nil:
		return Any, nil
	case *n < Any || *n >= math.MaxUint32:
		return 0, fmt.Errorf("%s: %d is not a device number", field, *n)
	}
	return *n, nil
}

// parseAccess takes r, w and m and, as runc does, no notice of other letters beside them.
func parseAccess(s string) (Access, error) {
	if s == "" {
		return full, nil
	}
	var a Access
	for _, c := range []byte(s) {
		switch c {
		case 'm':
			a |= Mknod
		case 'r':
			a |= Read
		case 'w':
			a |= Write
		}
	}
	if a == 0 {
		return 0, fmt.Errorf("access: %q has none of r, w and m", s)
	}
	return a, nil
}

// prune leaves out rules that a later one covers, and denials that nothing
// before them could need.
func (l List) prune() List {
	var kept List
	for i, r := range slices.Backward(l) {
		if !slices.ContainsFunc(l[i+1:], func(o Rule) bool { return o.covers(r) }) {
			kept = append(kept, r)
		}
	}
	slices.Reverse(kept)
	for len(kept) > 0 && !kept[0].Allow {
		kept = kept[1:]
	}
	return kept
}

// Allowed evaluates the list for a device (Block or Char) as the kernel does for
// an open or a mknod: every requested access must be allowed. Asking for none
// is allowed where any rule allows something of the device.
func (l List) Allowed(typ byte, major, minor int64, access Access) bool {
	for _, r := range slices.Backward(l) {
		if !r.matches(typ, major, minor) {
			continue
		}
		if !r.Allow {
			if access&r.Access != 0 {
				return false
			}
			continue
		}
		if access &^= r.Access; access == 0 {
			return true
		}
	}
	return false
}

// allowsAll tells whether nothing is denied.
func (l List) allowsAll() bool {
	for _, r := range slices.Backward(l) {
		if !r.Allow {
			return false
		}
		if r.Type == All {
			return true
		}
	}
	return false
}
