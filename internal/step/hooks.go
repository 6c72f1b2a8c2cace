package step

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/hook"
)

// HostHooks has the runtime run the prestart and createRuntime hooks, which
// belong to the runtime's namespaces, at their place in the order of events.
type HostHooks struct{}

func (*HostHooks) String() string { return "run host hooks" }

// Run asks and waits.
func (*HostHooks) Run(e *Env) { e.ask(e.Host.HostHooks) }

// ContainerHooks runs the createContainer hooks: programs of the host's, found
// in its mount tree, inside the container's namespaces.
type ContainerHooks struct {
	Hooks []specs.Hook
	State hook.State
	Join  int    // namespaces, CLONE_NEW* flags
	Apart bool   // who builds isn't in the pid namespace
	Time  bool   // who builds has a time namespace for its children, which it isn't in
	Dir   string // the root filesystem, on the host
	Umask int    // our caller's
}

func (s *ContainerHooks) String() string { return "run createContainer hooks" }

// Run has the runtime run them.
func (s *ContainerHooks) Run(e *Env) { e.ask(func() error { return e.Host.ContainerHooks(s) }) }
