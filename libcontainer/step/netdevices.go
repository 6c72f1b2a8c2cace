package step

import "github.com/rung-oci/rung/libcontainer/wire"

// NetDevices has the parent, which is on the host, move network devices into the
// container's network namespace. It must exist by then.
type NetDevices struct{}

func (*NetDevices) String() string { return "move network devices" }

// Code carries no field.
func (*NetDevices) Code(*wire.Codec) {}

// Run asks and waits.
func (*NetDevices) Run(e *Env) { e.ask(wire.NetDevices) }
