package doctor

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/nsenter"
)

// A ground is where a child of ours tries what a container's first process will do: in its user namespace, and in namespaces like its
// others. Without one, where the maps can't be written or a namespace can't be opened, nothing is tried: other checks say so.
type ground struct {
	user   int // descriptor of the container's user namespace; -1: the caller's
	joins  []opened
	made   uint64    // CLONE_NEW* flags of those that are new, but for the user namespace
	pids   bool      // it has a pid namespace that isn't ours
	root   int       // O_PATH descriptor of the root filesystem, -1: it can't be opened
	caller *caller   // who tries
	host   plan.Host // what a plan has to know of him
	ok     bool
}

// opened is a namespace that is there.
type opened struct {
	fd   int
	kind specs.LinuxNamespaceType
}

// stand makes the ground for a bundle.
func stand(c *caller, w *wants) *ground {
	g := &ground{user: -1, root: -1, caller: c, host: plan.Host{UID: c.uid, GID: c.gid, UserNS: c.userNS, Permitted: c.permitted}}
	if !w.bundle || w.spec.Linux == nil {
		return g
	}
	for _, n := range w.spec.Linux.Namespaces {
		g.pids = g.pids || n.Type == specs.PIDNamespace
		if n.Path == "" && n.Type != specs.UserNamespace {
			g.made |= uint64(plan.Flag(n.Type))
		}
	}
	for _, j := range w.joins {
		fd, err := unix.Open(j.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return g
		}
		g.joins = append(g.joins, opened{fd, j.kind})
		g.host.Joined = append(g.host.Joined, plan.Joined{Flag: plan.Flag(j.kind)})
		if j.kind == specs.UserNamespace {
			g.user = fd
		}
	}
	if len(w.uids) > 0 && g.user < 0 {
		m := mapsFor(c, w.uids, w.gids)
		fd, err := idmap.Namespace(m)
		if err != nil {
			return g
		}
		g.user = fd
		g.joins = append(g.joins, opened{fd, specs.UserNamespace})
	}
	if w.rootfs != "" {
		g.root, _ = unix.Open(w.rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	g.ok = true
	return g
}

func (g *ground) leave() {
	for _, j := range g.joins {
		unix.Close(j.fd)
	}
	if g.root >= 0 {
		unix.Close(g.root)
	}
}

// owns tells whether the container's user namespace is another than that of the host's first process.
func (g *ground) owns() bool { return g.user >= 0 || g.caller.userNS }

// bindsDevices tells whether devices of the container's are binds of the host's: nobody in it may make them.
func (g *ground) bindsDevices() bool { return g.owns() || !g.host.Permitted.Has(unix.CAP_MKNOD) }

// become has the process be the root of the container's user namespace.
func (g *ground) become(t *nsenter.Tape) {
	if g.user >= 0 {
		t.Call("join the user namespace", unix.SYS_SETNS, nsenter.Int(g.user), nsenter.Int(unix.CLONE_NEWUSER))
		t.BecomeRoot()
	}
}

// enter has the process, and its children, be in namespaces like the container's, in its own copy of the host's mounts: of the others in those
// that flags name, since to make a network namespace, and to take it down again, takes the kernel as long as all else. Some can be joined only
// by who has rights in their user namespace, others only by who still has all that the caller has; which of them can't be joined at all is
// said elsewhere.
func (g *ground) enter(t *nsenter.Tape, flags uint64) {
	join := func() {
		for _, j := range g.joins {
			if flag := plan.Flag(j.kind); j.kind != specs.UserNamespace && uint64(flag)&flags != 0 {
				t.Call("join namespace", unix.SYS_SETNS, nsenter.Int(j.fd), nsenter.Int(flag)).Tolerate(unix.EPERM)
			}
		}
	}
	join()
	if g.user >= 0 {
		g.become(t)
		join()
	}
	t.Call("unshare", unix.SYS_UNSHARE, nsenter.Uint(uintptr(g.made&flags|unix.CLONE_NEWNS)))
}

// try has a child there make calls, for which some of the namespaces matter.
func (g *ground) try(flags uint64, calls func(*nsenter.Tape)) trial {
	if !g.ok {
		return trial{}
	}
	return play(&nsenter.CloneArgs{}, func(t *nsenter.Tape) (second nsenter.Slot) {
		g.enter(t, flags)
		if flags&unix.CLONE_NEWPID != 0 && g.pids {
			second = afterwards(t)
		}
		calls(t)
		return second
	})
}
