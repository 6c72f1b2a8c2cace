package differ

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A verdict is what came out of comparing a case.
type verdict struct {
	Rung, Runc *Sight
	Helped     bool // runc was given a /proc
	Left       []Difference
	Known      []*Known
	Commands   []string // rung's command lines
}

// A runner runs a case on one of the runtimes.
type runner func(c *Case, runtime string) (*Sight, []string)

// judge runs a case on both runtimes and sorts the differences.
//
// runc needs a procfs at /proc for most of what it does; the specification
// doesn't ask for one. Where it fails for the lack of it, it is given one, and what
// is different for that reason alone isn't a difference.
func judge(c *Case, run runner, known []*Known) *verdict {
	v := new(verdict)
	v.Rung, v.Commands = run(c, "rung")
	v.Runc, _ = run(c, "runc")
	diffs := compare(v.Rung, v.Runc)
	if helped := helpedByProc(c, v.Runc); helped != nil {
		if again, _ := run(helped, "runc"); !again.Failed || again.Get("report") == "" {
			v.Runc, v.Helped = again, true
			diffs = withoutProc(compare(v.Rung, again))
		}
	}
	if k := runcCannot(c, v.Runc); k != nil {
		v.Known = append(v.Known, k)
		diffs = nil
		if v.Rung.Failed {
			diffs = []Difference{{"do what runc can't", "fails too", k.Name}}
		}
	}
	for _, d := range diffs {
		if k := explained(known, c, d); k != nil {
			v.Known = append(v.Known, k)
		} else {
			v.Left = append(v.Left, d)
		}
	}
	return v
}

// runcCannot returns the reason why runc fails where it shouldn't.
func runcCannot(c *Case, runc *Sight) *Known {
	if !runc.Failed {
		return nil
	}
	for _, k := range runcFails {
		for _, text := range runc.Texts {
			if k.Text.MatchString(text) && (k.If == nil || k.If(c)) {
				k.hits++
				return k
			}
		}
	}
	return nil
}

// lacksProc are words of runc's when something it looks for in /proc isn't there.
var lacksProc = []string{
	"open /proc/", "dstFd=/proc/", "unsafe procfs", "/proc/self", "/proc/thread-self", "stat /proc/", "fsmount", "procfs",
}

// helpedByProc returns the case with a /proc, nil if that wasn't what runc lacked.
func helpedByProc(c *Case, runc *Sight) *Case {
	for _, m := range c.Spec.Mounts {
		if strings.TrimRight(m.Destination, "/") == "/proc" {
			return nil
		}
	}
	for _, text := range runc.Texts {
		for _, word := range lacksProc {
			if strings.Contains(text, word) {
				helped := c.clone()
				proc := specs.Mount{Destination: "/proc", Type: "proc", Source: "proc"}
				helped.Spec.Mounts = append([]specs.Mount{proc}, helped.Spec.Mounts...)
				return helped
			}
		}
	}
	return nil
}

// withoutProc leaves out what only runc has, since only it has a /proc.
func withoutProc(diffs []Difference) (left []Difference) {
	for _, d := range diffs {
		if !strings.Contains(d.Key, "/proc") {
			left = append(left, d)
		}
	}
	return left
}
