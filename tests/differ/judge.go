package differ

import (
	"slices"
	"strings"
)

// A verdict is what came out of comparing a case.
type verdict struct {
	Rung, Runc *Sight
	Helped     []*Known // why runc was given less
	Left       []Difference
	Known      []*Known
	Commands   []string // rung's command lines
}

// A runner runs a case on one of the runtimes.
type runner func(c *Case, runtime string) (*Sight, []string)

// judge runs a case on both runtimes and sorts the differences.
//
// What the specification allows and runc can't do is taken away for runc alone,
// and what is different for that reason isn't a difference: so rung is
// compared in these cases too.
//
// The case is run on rung as often as repeat says, and must look the same.
func judge(c *Case, run runner, repeat int) *verdict {
	v := new(verdict)
	v.Rung, v.Commands = run(c, "rung")
	for range repeat - 1 {
		again, _ := run(c, "rung")
		for _, d := range compare(v.Rung, again) {
			v.Left = append(v.Left, Difference{"unsteady: " + d.Key, d.Rung, d.Runc})
		}
	}
	v.Runc, _ = run(c, "runc")
	easier := c.clone()
	for range 6 {
		k := runcCannot(easier, v.Runc)
		if k == nil || k.Help == nil {
			v.note(k)
			break
		}
		k.Help(easier)
		if danger(easier) != "" {
			break
		}
		v.note(k)
		v.Helped = append(v.Helped, k)
		v.Runc, _ = run(easier, "runc")
	}
	unsteady := v.Left
	v.sort(c, easier)
	if len(v.Left) > len(unsteady) { // runc gets a second chance, since it isn't what is tested
		again := *v
		again.Left = slices.Clone(unsteady)
		again.Runc, _ = run(easier, "runc")
		again.sort(c, easier)
		if len(again.Left) < len(v.Left) {
			return &again
		}
	}
	return v
}

func (v *verdict) note(k *Known) {
	if k != nil {
		k.hits++
		v.Known = append(v.Known, k)
	}
}

// sort tells the known differences from the others. easier is what runc ran.
func (v *verdict) sort(c, easier *Case) {
	for _, d := range compare(v.Rung, v.Runc) {
		if v.helps(d.Key) {
			continue
		}
		if k := explained(table, c, d, v); k != nil {
			v.note(k)
		} else {
			v.Left = append(v.Left, d)
		}
	}
	if k := runcCannot(easier, v.Runc); k != nil && k.Help == nil && v.Runc.Failed {
		v.Left = slices.DeleteFunc(v.Left, func(d Difference) bool { // there is nothing to compare with
			return !strings.HasPrefix(d.Key, "unsteady: ") && !strings.HasPrefix(d.Key, "left ")
		})
	}
}

// helps reports whether a line differs because runc was helped.
func (v *verdict) helps(key string) bool {
	for _, k := range v.Helped {
		if k.Key.MatchString(key) {
			return true
		}
	}
	return false
}

// runcCannot returns the reason why runc fails where it shouldn't.
func runcCannot(c *Case, runc *Sight) *Known {
	for _, k := range runcFails {
		if k.If != nil && !k.If(c) {
			continue
		}
		for _, text := range runc.Texts {
			if !strings.HasPrefix(text, "state ") && k.Text.MatchString(text) {
				return k
			}
		}
	}
	return nil
}
