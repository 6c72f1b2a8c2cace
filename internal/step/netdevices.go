package step

// NetDevices has the runtime, which is on the host, move network devices into the
// container's network namespace. It must exist by then.
type NetDevices struct{}

func (*NetDevices) String() string { return "move network devices" }

// Run asks and waits.
func (*NetDevices) Run(e *Env) { e.ask(e.Host.NetDevices) }
