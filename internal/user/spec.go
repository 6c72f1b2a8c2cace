// Package user finds out who a process of a container is to be: it reads what a
// caller asks for, by number or name, and looks names up in the container's own
// passwd(5) and group(5) files, which whoever made the image may have filled
// with anything.
//
// A number is never looked up (CVE-2016-3697: a line of an image's file named
// "1000" made uid 0 of it), and a value that is nearly a number is an error
// rather than a name or another number (4294967296 isn't 0).
package user

import (
	"fmt"
	"math"
	"strings"
)

// maxID is the highest id: the next one, 4294967295, is -1 to the kernel, which
// means "leave it as it is".
const maxID = math.MaxUint32 - 1

// maxName is LOGIN_NAME_MAX.
const maxName = 256

// A Ref names a user or group: by Name if there is one, otherwise by ID.
type Ref struct {
	Name string
	ID   uint32
}

// A Spec is what a caller asked for: a user, and possibly a group.
type Spec struct {
	User     Ref
	Group    Ref
	HasGroup bool

	text string // as it was given, for messages
}

// Parse reads USER or USER:GROUP, each a decimal number or a name.
func Parse(s string) (Spec, error) {
	spec := Spec{text: s}
	user, group, ok := strings.Cut(s, ":")
	var err error
	if spec.User, err = parseRef("user", user); err == nil && ok {
		spec.HasGroup = true
		spec.Group, err = parseRef("group", group)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("invalid user %.100q: %w", s, err)
	}
	return spec, nil
}

// NeedsFiles tells whether there is a name to look up.
func (s Spec) NeedsFiles() bool { return s.User.Name != "" || s.HasGroup && s.Group.Name != "" }

// parseRef reads one part. What begins like a number has to be one, so that no
// image can give a meaning to a mistyped number.
func parseRef(kind, s string) (Ref, error) {
	switch {
	case s == "":
		return Ref{}, fmt.Errorf("the %s is empty", kind)
	case isDigit(s[0]) || s[0] == '-' || s[0] == '+':
		id, err := parseID(s)
		if err != nil {
			return Ref{}, fmt.Errorf("the %s: %w", kind, err)
		}
		return Ref{ID: id}, nil
	case !isName(s):
		return Ref{}, fmt.Errorf("the %s is neither a number nor a name", kind)
	}
	return Ref{Name: s}, nil
}

type idError string

func (e idError) Error() string { return string(e) }

const (
	errNoID    = idError("not a decimal number")
	errRangeID = idError("not in the range 0 to 4294967294")
)

// parseID reads an id: decimal digits and nothing else. Leading zeros are taken,
// as runc does; they mean no other base.
func parseID(s string) (uint32, error) {
	n, big := uint64(0), false
	for _, c := range []byte(s) {
		if !isDigit(c) {
			return 0, errNoID
		}
		n = n*10 + uint64(c-'0')
		if n > maxID {
			n, big = maxID, true
		}
	}
	switch {
	case s == "":
		return 0, errNoID
	case big:
		return 0, errRangeID
	}
	return uint32(n), nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isName takes the names that systems give: letters, digits, and a few signs.
// Directory services add "@", "\" and a final "$".
func isName(s string) bool {
	for _, c := range []byte(s) {
		lower := c | 0x20
		if !isDigit(c) && (lower < 'a' || lower > 'z') && !strings.ContainsRune(`_.-@$\`, rune(c)) {
			return false
		}
	}
	return s != "" && len(s) <= maxName && !strings.ContainsRune("-@$.\\", rune(s[0]))
}

// maxGroups is NGROUPS_MAX, the most that the kernel takes.
const maxGroups = 65536

// ParseGroups reads the numbers of additional groups.
func ParseGroups(list []string) ([]uint32, error) {
	if len(list) > maxGroups {
		return nil, fmt.Errorf("%d additional groups are more than %d", len(list), maxGroups)
	}
	var ids []uint32
	for _, s := range list {
		id, err := parseID(s)
		if err != nil {
			return nil, fmt.Errorf("invalid additional group %.100q: %w", s, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
