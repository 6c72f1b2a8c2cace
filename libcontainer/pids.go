package libcontainer

import "github.com/opencontainers/runtime-spec/specs-go"

// roomToBuild is r with a limit of processes that has room for two, where a builder clones the first process (see plan.Orders.Builder), as
// long as both are there. One process is what linux.resources.pids.limit may allow, which 0 means, too.
func (c *creation) roomToBuild(r *specs.LinuxResources) *specs.LinuxResources {
	if c.plan.Orders.Builder == 0 || r == nil || r.Pids == nil || r.Pids.Limit == nil || *r.Pids.Limit < 0 || *r.Pids.Limit > 1 {
		return r
	}
	two, wide := int64(2), *r
	wide.Pids = &specs.LinuxPids{Limit: &two}
	return &wide
}

// limitPids sets the limit that is asked for, once there is one process.
func (c *creation) limitPids() error {
	if c.plan.Orders.Builder == 0 {
		return nil
	}
	r := c.resources()
	wide := c.roomToBuild(r)
	if wide == r {
		return nil
	}
	return c.manager.Set(&specs.LinuxResources{Pids: r.Pids}, wide)
}
