package differ

import (
	"regexp"
	"slices"
)

// A Known is a difference that has a reason. Its predicate is as narrow as can be:
// of the keys and values that it matches, and of the configurations.
type Known struct {
	Name   string
	Reason string
	Later  string // the issue that mends it, "" if it stays

	Key        *regexp.Regexp // of the line
	Rung, Runc *regexp.Regexp // of the values, nil for any
	If         func(c *Case) bool
	Said       *regexp.Regexp                   // by runc, at any time
	Where      func(c *Case, d Difference) bool // for what takes both
	Text       *regexp.Regexp                   // of runcFails: what runc says; Key then says what Help changes
	Help       func(c *Case)                    // takes away what runc can't do
	hits       int
}

// explained returns the first entry that knows a difference.
func explained(table []*Known, c *Case, d Difference, v *verdict) *Known {
	for _, k := range table {
		if k.matches(c, d, v) {
			return k
		}
	}
	return nil
}

func (k *Known) matches(c *Case, d Difference, v *verdict) bool {
	if k.Said != nil && !slices.ContainsFunc(v.Runc.Texts, k.Said.MatchString) {
		return false
	}
	if k.Where != nil && !k.Where(c, d) {
		return false
	}
	return k.Key.MatchString(d.Key) &&
		(k.Rung == nil || k.Rung.MatchString(d.Rung)) && (k.Runc == nil || k.Runc.MatchString(d.Runc)) &&
		(k.If == nil || k.If(c))
}

func re(text string) *regexp.Regexp { return regexp.MustCompile(text) }
