package plan

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cpulist"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
)

// memoryPolicy sets the process's NUMA policy (set_mempolicy(2)), in its cgroup:
// the nodes of the cpuset count. An exec has it too, for it is the container's.
func (p *planner) memoryPolicy() {
	m := p.linux().MemoryPolicy
	if m == nil {
		return
	}
	mask, err := cpulist.Mask(m.Nodes, spec.MaxNodes)
	if err != nil { // validation has read it before
		return
	}
	nodes, bits := nsenter.Int(0), 0
	if len(mask) > 0 {
		// The kernel takes one bit less than it is told.
		nodes, bits = p.t.Bytes(mask), 8*len(mask)+1
	}
	p.t.Call("linux.memoryPolicy", unix.SYS_SET_MEMPOLICY, nsenter.Int(spec.MemoryMode(m)), nodes, nsenter.Int(bits))
}
