package seccomp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/suggest"
)

// A Problem is something wrong with a profile. Path is the field in config.json.
type Problem struct{ Path, Msg string }

// Error returns "path: message".
func (p *Problem) Error() string { return p.Path + ": " + p.Msg }

// prefix is where a profile stands in a configuration.
const prefix = "linux.seccomp."

// maxErrno is the largest error number that a call can return.
const maxErrno = 4095

// Check returns all that is wrong with a profile, for a machine of the
// architecture native.
func Check(p *specs.LinuxSeccomp, native specs.Arch) []*Problem {
	c := checker{}
	c.defaults(p)
	c.architectures(p.Architectures, findArch(native))
	for i, f := range p.Flags {
		if _, ok := flagBit(f); !ok {
			c.add(fmt.Sprintf("flags[%d]", i), "unknown flag %q%s", f, c.meant(string(f), Flags))
		}
	}
	for i := range p.Syscalls {
		c.rule(i, &p.Syscalls[i])
	}
	if UsesNotify(p) && p.ListenerPath == "" {
		c.add("listenerPath", "must be set where a rule's action is %s", specs.ActNotify)
	}
	return c.list
}

// Wanted tells whether a configuration asks for a filter. An object in which
// nothing is said, as some engines write it, does not (runc).
func Wanted(p *specs.LinuxSeccomp) bool {
	return p != nil && (p.DefaultAction != "" || len(p.Syscalls) > 0)
}

// UsesNotify tells whether a profile leaves calls to an agent.
func UsesNotify(p *specs.LinuxSeccomp) bool {
	return slices.ContainsFunc(p.Syscalls, func(s specs.LinuxSyscall) bool { return s.Action == specs.ActNotify })
}

type checker struct{ list []*Problem }

func (c *checker) add(field, format string, args ...any) {
	c.list = append(c.list, &Problem{prefix + field, fmt.Sprintf(format, args...)})
}

// maxMeant is for how many problems it is looked up what may have been meant: a profile may have a
// million of them.
const maxMeant = 50

// meant is how a problem ends of a word that isn't known.
func (c *checker) meant(word string, known func() []string) string {
	if len(c.list) >= maxMeant {
		return ""
	}
	return suggest.Meant(word, known(), "")
}

func (c *checker) defaults(p *specs.LinuxSeccomp) {
	at := func(field string, _ ...any) string { return "default" + strings.ToUpper(field[:1]) + field[1:] }
	c.action(at, p.DefaultAction, p.DefaultErrnoRet)
	if p.DefaultAction == specs.ActNotify {
		c.add("defaultAction", "%s cannot be used as default action", specs.ActNotify)
	}
}

// action checks an action and the number that goes with it.
func (c *checker) action(at func(string, ...any) string, a specs.LinuxSeccompAction, errno *uint) {
	if _, ok := actionBits(a); !ok {
		c.add(at("action"), "unknown action %q%s", a, c.meant(string(a), Actions))
		return
	}
	switch {
	case errno == nil:
	case a == specs.ActErrno:
		if *errno > maxErrno {
			c.add(at("errnoRet"), "%d is above %d, the largest error number", *errno, maxErrno)
		}
	case a == specs.ActTrace:
		if *errno > 0xffff {
			c.add(at("errnoRet"), "%d has more than 16 bits", *errno)
		}
	default:
		c.add(at("errnoRet"), "must not be set: the action %s returns no error", a)
	}
}

func (c *checker) architectures(list []specs.Arch, native *arch) {
	for i, name := range list {
		field := fmt.Sprintf("architectures[%d]", i)
		a := findArch(name)
		switch {
		case a == nil:
			c.add(field, "unknown architecture %q%s", name, c.meant(string(name), Architectures))
		case native != nil && a.big != native.big:
			c.add(field, "%s has another byte order than this machine's %s", name, native.name)
		}
	}
}

func (c *checker) rule(i int, s *specs.LinuxSyscall) {
	at := func(field string, elements ...any) string {
		return fmt.Sprintf("syscalls[%d]."+field, append([]any{i}, elements...)...)
	}
	if len(s.Names) == 0 {
		c.add(at("names"), "must not be empty")
	}
	for j, name := range s.Names {
		switch {
		case name == "":
			c.add(at("names[%d]", j), "must not be empty")
		case name == "write" && s.Action == specs.ActNotify:
			c.add(at("names[%d]", j), "%s cannot be used for the write syscall: the runtime needs it before an agent can answer", s.Action)
		}
	}
	c.action(at, s.Action, s.ErrnoRet)
	for j, a := range s.Args {
		if a.Index > 5 {
			c.add(at("args[%d].index", j), "%d is above 5, the last argument", a.Index)
		}
		if _, ok := operator(a.Op); !ok {
			c.add(at("args[%d].op", j), "unknown operator %q%s", a.Op, c.meant(string(a.Op), Operators))
		}
	}
}
