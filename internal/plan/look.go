package plan

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// Look appends what has a process enter the working directory, if that is there, become the user's as the first process does, and
// find the user's program: all in the root directory that it has. Nothing else is done to the process.
func Look(t *nsenter.Tape, s *specs.Spec, host *Host) {
	p := &planner{Plan: &Plan{Tape: t}, spec: s, host: host, opt: &Options{Outlives: true}, t: t}
	p.ns = sortNamespaces(s, host)
	p.rights(func() {
		enter := t.Call(p.cwdLabel(), unix.SYS_CHDIR, t.Str(s.Process.Cwd))
		if name := s.Process.Args[0]; name[0] == '/' || !strings.Contains(name, "/") { // which isn't looked for there
			enter.Ignore()
		}
	})
	p.findProgram()
}

// Candidates are the paths in which the user's program is looked for, in order.
func Candidates(s *specs.Spec) []string { return candidates(s.Process, nil) }
