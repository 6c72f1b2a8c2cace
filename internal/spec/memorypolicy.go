package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cpulist"
)

// MaxNodes is the number of memory nodes of the largest kernel (MAX_NUMNODES).
const MaxNodes = 1024

// memoryModes are the modes of set_mempolicy(2). MPOL_PREFERRED_MANY needs Linux 5.15,
// MPOL_WEIGHTED_INTERLEAVE 6.9.
var memoryModes = [...]struct {
	name   specs.MemoryPolicyModeType
	number int
	nodes  nodeRule
}{
	{specs.MpolDefault, unix.MPOL_DEFAULT, nodesNever},
	{specs.MpolBind, unix.MPOL_BIND, nodesAlways},
	{specs.MpolInterleave, unix.MPOL_INTERLEAVE, nodesAlways},
	{specs.MpolWeightedInterleave, unix.MPOL_WEIGHTED_INTERLEAVE, nodesAlways},
	{specs.MpolPreferred, unix.MPOL_PREFERRED, nodesPerhaps}, // none: the local node
	{specs.MpolPreferredMany, unix.MPOL_PREFERRED_MANY, nodesAlways},
	{specs.MpolLocal, unix.MPOL_LOCAL, nodesNever},
}

// nodeRule says whether a mode wants nodes.
type nodeRule int

const (
	nodesPerhaps nodeRule = iota
	nodesAlways
	nodesNever
)

// memoryFlags are the flags of set_mempolicy(2). MPOL_F_NUMA_BALANCING needs Linux 5.12.
var memoryFlags = [...]struct {
	name   specs.MemoryPolicyFlagType
	number int
}{
	{specs.MpolFNumaBalancing, unix.MPOL_F_NUMA_BALANCING},
	{specs.MpolFRelativeNodes, unix.MPOL_F_RELATIVE_NODES},
	{specs.MpolFStaticNodes, unix.MPOL_F_STATIC_NODES},
}

// MemoryMode is the kernel's number of a policy: its mode with its flags. The policy must be valid.
func MemoryMode(p *specs.LinuxMemoryPolicy) int {
	mode := 0
	for _, m := range memoryModes {
		if m.name == p.Mode {
			mode = m.number
		}
	}
	for _, have := range p.Flags {
		for _, f := range memoryFlags {
			if f.name == have {
				mode |= f.number
			}
		}
	}
	return mode
}

// memoryPolicy checks linux.memoryPolicy. What only the kernel can know, such as which nodes
// there are, it will say.
func (c *checker) memoryPolicy(p *specs.LinuxMemoryPolicy) {
	if p == nil {
		return
	}
	nodes, err := cpulist.Mask(p.Nodes, MaxNodes)
	if err != nil {
		c.bad(err.Error(), "linux", "memoryPolicy", "nodes")
	}
	rule, known := nodesPerhaps, false
	for _, m := range memoryModes {
		if m.name == p.Mode {
			rule, known = m.nodes, true
		}
	}
	switch {
	case p.Mode == "":
		c.bad(msgRequired, "linux", "memoryPolicy", "mode")
	case !known:
		unknown(c, "mode", p.Mode, modeNames(), "linux", "memoryPolicy", "mode")
	case err != nil:
	case rule == nodesAlways && len(nodes) == 0:
		c.bad("required by mode "+string(p.Mode), "linux", "memoryPolicy", "nodes")
	case rule == nodesNever && len(nodes) > 0:
		c.bad("must not be set with mode "+string(p.Mode), "linux", "memoryPolicy", "nodes")
	}
	seen := 0
	for i, f := range p.Flags {
		one := MemoryMode(&specs.LinuxMemoryPolicy{Flags: []specs.MemoryPolicyFlagType{f}})
		if one == 0 {
			c.bad("unknown flag "+quote(string(f)), "linux", "memoryPolicy", "flags", i)
		}
		seen |= one
	}
	const both = unix.MPOL_F_STATIC_NODES | unix.MPOL_F_RELATIVE_NODES
	if seen&both == both {
		c.bad("MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other", "linux", "memoryPolicy", "flags")
	}
	if p.Mode == specs.MpolDefault && seen != 0 {
		c.bad("must not be set with mode MPOL_DEFAULT", "linux", "memoryPolicy", "flags")
	}
}

func modeNames() (names []specs.MemoryPolicyModeType) {
	for _, m := range memoryModes {
		names = append(names, m.name)
	}
	return names
}
