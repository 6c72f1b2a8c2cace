package step

import (
	"runtime"
	"strconv"

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
func (*HostHooks) Run(e *Env) { e.ask(wire.HostHooks) }

// ContainerHooks runs the createContainer hooks: programs of the host's, found
// in its mount tree, inside the container's namespaces.
type ContainerHooks struct {
	Hooks []specs.Hook
	State hook.State
	Join  int    // CLONE_NEW* flags of namespaces that only a child of the builder enters; of all where nobody has entered any
	Dir   string // the root filesystem, on the host
	Umask int    // our caller's
	// The stage fills these.
	PID int
	NS  []int // descriptors of the namespaces of Join
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
	c.String(&s.Dir)
	c.Int(&s.Umask)
	c.Int(&s.PID)
	c.Ints(&s.NS)
}

// Open opens what Run needs of the first process, with the rights of the host:
// root of a user namespace may not look into a process that isn't dumpable.
func (s *ContainerHooks) Open(pid int) error {
	s.PID = pid
	for _, ns := range []struct {
		flag int
		name string
	}{{unix.CLONE_NEWPID, "pid"}, {unix.CLONE_NEWCGROUP, "cgroup"}} {
		if s.Join&ns.flag == 0 {
			continue
		}
		path := "/proc/" + strconv.Itoa(pid) + "/ns/" + ns.name
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return at("open "+path, err)
		}
		s.NS = append(s.NS, fd)
	}
	return nil
}

// Run runs them.
func (s *ContainerHooks) Run(e *Env) {
	switch err := e.K.Flush(); {
	case err != nil:
	case e.K.Remote():
		place := hook.Inside{Pidfd: e.Pidfd, Join: s.Join, Dir: s.Dir, Umask: s.Umask}
		e.K.Fail("", hook.RunAll("createContainer", s.Hooks, s.State.JSON(e.PID), place.Start))
	default:
		e.K.Fail("", s.run())
	}
}

// run runs them. The pid namespace is entered for children only.
func (s *ContainerHooks) run() error {
	if len(s.NS) > 0 {
		// Our next child is in another pid namespace than we are: it can't be a
		// thread. Locking has the runtime keep a thread from which to make threads.
		runtime.LockOSThread()
	}
	for _, fd := range s.NS {
		if err := unix.Setns(fd, 0); err != nil {
			return at("setns", err)
		}
		unix.Close(fd)
	}
	defer unix.Umask(unix.Umask(s.Umask))
	return hook.RunAll("createContainer", s.Hooks, s.State.JSON(s.PID), hook.Place{Dir: s.Dir}.Start)
}
