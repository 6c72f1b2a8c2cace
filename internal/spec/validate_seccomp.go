package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/seccomp"
)

// seccomp checks a profile for this machine.
func (c *checker) seccomp(p *specs.LinuxSeccomp) {
	if !seccomp.Wanted(p) {
		return
	}
	for _, problem := range seccomp.Check(p, seccomp.Native()) {
		if len(c.errs) < maxKept {
			c.errs = append(c.errs, &FieldError{Path: problem.Path, Msg: problem.Msg})
		}
	}
}
