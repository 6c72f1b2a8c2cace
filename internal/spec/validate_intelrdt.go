package spec

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// intelRdt checks linux.intelRdt. What schemas say is the kernel's to judge; that
// each is what its field is for is ours.
func (c *checker) intelRdt(r *specs.LinuxIntelRdt) {
	if r == nil {
		return
	}
	if id := r.ClosID; id != "/" && (id == "." || id == ".." || strings.ContainsAny(id, "/\n\x00")) {
		c.bad("invalid name of a class of service "+quote(id), "linux", "intelRdt", "closID")
	}
	if strings.Contains(r.L3CacheSchema, "\x00") {
		c.bad("must not contain a NUL byte", "linux", "intelRdt", "l3CacheSchema")
	}
	if s := r.MemBwSchema; s != "" && !strings.HasPrefix(s, "MB:") {
		c.bad("must begin with MB:", "linux", "intelRdt", "memBwSchema")
	}
	if strings.ContainsAny(r.MemBwSchema, "\n\x00") {
		c.bad("must not contain a newline or a NUL byte", "linux", "intelRdt", "memBwSchema")
	}
	for i, line := range r.Schemata {
		if line == "" || strings.ContainsAny(line, "\n\x00") {
			c.bad("must be one line", "linux", "intelRdt", fmt.Sprintf("schemata[%d]", i))
		}
	}
}
