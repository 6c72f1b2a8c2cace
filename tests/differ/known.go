package differ

import (
	"regexp"
	"strings"
)

// A Known is a difference that has a reason. Its predicate is as narrow as can be:
// of the keys and values that it matches, and of the configurations.
type Known struct {
	Name   string
	Reason string
	Later  string // the issue that mends it, "" if it stays

	Key        *regexp.Regexp // of the line
	Rung, Runc *regexp.Regexp // of the values, nil for any
	Text       *regexp.Regexp // in place of these: what runc says when it fails
	If         func(c *Case) bool
	hits       int
}

// explained returns the first entry that knows a difference.
func explained(table []*Known, c *Case, d Difference) *Known {
	for _, k := range table {
		if k.matches(c, d) {
			k.hits++
			return k
		}
	}
	return nil
}

func (k *Known) matches(c *Case, d Difference) bool {
	return k.Key != nil && k.Key.MatchString(d.Key) &&
		(k.Rung == nil || k.Rung.MatchString(d.Rung)) && (k.Runc == nil || k.Runc.MatchString(d.Runc)) &&
		(k.If == nil || k.If(c))
}

func re(text string) *regexp.Regexp { return regexp.MustCompile(text) }

// The conditions of entries.

func hasMount(kind string) func(*Case) bool {
	return func(c *Case) bool {
		for _, m := range c.Spec.Mounts {
			if m.Type == kind {
				return true
			}
		}
		return false
	}
}

func hasDevice(path string) func(*Case) bool {
	return func(c *Case) bool {
		for _, d := range c.Spec.Linux.Devices {
			if strings.HasPrefix(d.Path, path) {
				return true
			}
		}
		return false
	}
}

func ownUser(c *Case) bool {
	made, joined := c.has("user")
	return made || joined
}

func masks(c *Case) bool { return len(c.Spec.Linux.MaskedPaths) > 0 }
