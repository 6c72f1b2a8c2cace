package step

import (
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/hook"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// HostHooks has the parent run the prestart and createRuntime hooks, which
// belong to the runtime's namespaces, at their place in the order of events.
type HostHooks struct{}

func (*HostHooks) String() string { return "run host hooks" }

// Code carries no field.
func (*HostHooks) Code(*wire.Codec) {}

// Run asks and waits.
func (*HostHooks) Run(e *Env) error { return e.Conn.Ask(wire.HostHooks) }

// ContainerHooks runs the createContainer hooks: programs of the host's, found
// in its mount tree, inside the container's namespaces.
type ContainerHooks struct {
	Hooks []specs.Hook
	State hook.State
	Join  int // CLONE_NEW* flags of namespaces that only a child of the builder enters
	PID   int // filled by the stage
}

func (s *ContainerHooks) String() string { return "run createContainer hooks" }

// Code carries the fields.
func (s *ContainerHooks) Code(c *wire.Codec) {
	wire.List(c, &s.Hooks, func(c *wire.Codec, h *specs.Hook) {
		c.String(&h.Path)
		c.Strings(&h.Args)
		c.Strings(&h.Env)
		n := 0
		if h.Timeout != nil {
			n = *h.Timeout
		}
		c.Int(&n)
		if n != 0 {
			h.Timeout = &n
		}
	})
	c.String(&s.State.Before)
	c.String(&s.State.After)
	c.Int(&s.Join)
	c.Int(&s.PID)
}

// Run runs them. The pid namespace is entered for children only.
func (s *ContainerHooks) Run(e *Env) error {
	if s.Join != 0 {
		// Our next child is in another pid namespace than we are: it can't be a
		// thread. Locking has the runtime keep a thread from which to make threads.
		runtime.LockOSThread()
		if err := unix.Setns(e.Pidfd, s.Join); err != nil {
			return at("setns", err)
		}
	}
	return hook.RunAll("createContainer", s.Hooks, s.State.JSON(s.PID), hook.Host)
}
