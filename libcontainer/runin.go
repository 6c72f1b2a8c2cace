package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// RunInOptions say what to run beside a container, and how near to it.
type RunInOptions struct {
	Rootfs     string                     // of what runs beside it; absolute
	Readonly   bool                       // the root filesystem
	Namespaces []specs.LinuxNamespaceType // of the container's, which what runs shares; nil: all but the mount namespace, which is never shared
	Args       []string
	Env        []string // in addition to PATH and TERM
	Cwd        string   // "": /
	Terminal   bool
	UID, GID   uint32
	Caps       []string // in addition to those of the container's process
	Memory     int64    // bytes; 0: what the container may have
	Pids       int64    // 0: as many as the container may have

	Stdin          io.Reader // as of [CreateOptions]
	Stdout, Stderr io.Writer
}

// RunIn runs a program with a root filesystem of its own in the container's namespaces, in cgroups below the container's, as [Runtime.Run] does.
func (h *Container) RunIn(ctx context.Context, o *RunInOptions) (ExitStatus, error) {
	o = given(o)
	stop, err := cancel.Of(ctx)
	if err != nil {
		return 1, fmt.Errorf("run beside container %s: %w", h.id, err)
	}
	defer stop.Close()
	beside, err := h.openToJoin()
	if err != nil {
		return 1, err
	}
	defer beside.close()
	pidfd, err := beside.pidfd()
	if errors.Is(err, unix.ESRCH) {
		return 1, fmt.Errorf("%s: %w", h.id, errInStopped)
	}
	if err != nil {
		return 1, err
	}
	defer unix.Close(pidfd)
	b, err := beside.config()
	if err != nil {
		return 1, err
	}
	s, err := specIn(b.Spec, beside.record.PID, o)
	if err != nil {
		return 1, err
	}
	if !beside.hasCgroup() {
		s.Linux.Resources.Devices = nil
	}
	own := *h.r
	own.SystemdCgroup = false // below a unit is what its owner makes there
	run := &RunOptions{CreateOptions: CreateOptions{
		ID: besideID(h.id), Bundle: beside.record.Bundle, Spec: s, Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr,
	}}
	c, err := own.begin(&run.CreateOptions, beside, stop)
	if err != nil {
		return 1, typed(err)
	}
	// The namespaces are open by now: of that process, if it is still there, and else of nobody knows whom.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		c.close()
		return 1, fmt.Errorf("%s: %w", h.id, errInStopped)
	}
	status, err := own.run(ctx, c, run)
	return status, givenUp(err, stop.Err(), "the program is ended")
}

// besides counts what this process has run beside containers.
var besides atomic.Int32

// besideID is an id of its own for what is run beside a container.
func besideID(of string) string {
	suffix := ".debug" + strconv.Itoa(unix.Getpid())
	if n := besides.Add(1); n > 1 {
		suffix += "-" + strconv.Itoa(int(n))
	}
	return of[:min(len(of), state.MaxID-len(suffix))] + suffix
}

// specIn makes the configuration: the example's, with what the container's process may do, in its namespaces.
func specIn(of *specs.Spec, pid int, o *RunInOptions) (*specs.Spec, error) {
	s := spec.Example()
	s.Hostname = ""
	s.Root = &specs.Root{Path: o.Rootfs, Readonly: o.Readonly}
	p := s.Process
	p.Terminal, p.Args, p.User = o.Terminal, o.Args, specs.User{UID: o.UID, GID: o.GID}
	p.Env = append(p.Env, o.Env...)
	if o.Cwd != "" {
		p.Cwd = o.Cwd
	}
	if like := of.Process; like != nil {
		p.NoNewPrivileges, p.Rlimits, p.ApparmorProfile, p.SelinuxLabel = like.NoNewPrivileges, like.Rlimits, like.ApparmorProfile, like.SelinuxLabel
		p.Capabilities = like.Capabilities
	}
	p.Capabilities = withCaps(p.Capabilities, o.Caps)
	if err := namespacesIn(s, of, pid, o.Namespaces); err != nil {
		return nil, err
	}
	if err := mappedUser(s, of, &p.User); err != nil {
		return nil, err
	}
	for i := range s.Mounts {
		// Its file systems of the kernel's are mounted in the way that they can be mounted there.
		if like := slices.IndexFunc(of.Mounts, func(m specs.Mount) bool { return m.Destination == s.Mounts[i].Destination }); like >= 0 {
			s.Mounts[i] = of.Mounts[like]
		}
		if s.Mounts[i].Type == "devpts" && hasUserNamespace(of) && !mapsTTY(of) {
			s.Mounts[i].Options = slices.DeleteFunc(slices.Clone(s.Mounts[i].Options), func(o string) bool { return o == "gid=5" })
		}
	}
	if l := of.Linux; l != nil {
		s.Linux.MountLabel, s.Linux.Seccomp = l.MountLabel, l.Seccomp
		if l.Resources != nil {
			s.Linux.Resources.Devices = l.Resources.Devices
		}
	}
	if o.Memory != 0 {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &o.Memory}
	}
	if o.Pids != 0 {
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &o.Pids}
	}
	return s, nil
}

func hasUserNamespace(s *specs.Spec) bool {
	return s.Linux != nil && slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.UserNamespace })
}

// mappedUser is an error if a program is to be of a user or group that the user namespace hasn't which it shares with a container, as far as the
// configuration tells.
func mappedUser(s, of *specs.Spec, u *specs.User) error {
	if !hasUserNamespace(s) || !hasUserNamespace(of) {
		return nil
	}
	for _, id := range [...]struct {
		what string
		id   uint32
		maps []specs.LinuxIDMapping
	}{{"uid", u.UID, of.Linux.UIDMappings}, {"gid", u.GID, of.Linux.GIDMappings}} {
		if len(id.maps) > 0 && !mapsID(id.maps, id.id) {
			return fmt.Errorf("%s %d is not mapped in the container's user namespace", id.what, id.id)
		}
	}
	return nil
}

func mapsID(list []specs.LinuxIDMapping, id uint32) bool {
	_, ok := hostID(list, id)
	return ok
}

// mapsTTY tells whether the group tty, 5, is known to exist in a container's user namespace.
func mapsTTY(s *specs.Spec) bool {
	return mapsID(s.Linux.GIDMappings, 5)
}

// withCaps are a process's capabilities and more.
func withCaps(have *specs.LinuxCapabilities, more []string) *specs.LinuxCapabilities {
	c := specs.LinuxCapabilities{}
	if have != nil {
		c = *have
	}
	for _, set := range []*[]string{&c.Bounding, &c.Effective, &c.Permitted} {
		*set = slices.Clone(*set)
		for _, name := range more {
			if !slices.Contains(*set, name) {
				*set = append(*set, name)
			}
		}
	}
	return &c
}

// namespacesIn has s join those of the container's namespaces that are chosen. Of the others it gets its own, but for the user namespace and the time
// namespace, which are the host's then. Where the container is in the host's, so is s.
func namespacesIn(s, of *specs.Spec, pid int, chosen []specs.LinuxNamespaceType) error {
	if slices.Contains(chosen, specs.MountNamespace) {
		return errors.New("the mount namespace can't be shared: what runs has a root filesystem of its own")
	}
	s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	var theirs []specs.LinuxNamespace
	if of.Linux != nil {
		theirs = of.Linux.Namespaces
	}
	for _, t := range [...]struct {
		kind  specs.LinuxNamespaceType
		file  string
		apart bool // without the container's it has its own
	}{
		{specs.UserNamespace, "user", false},
		{specs.PIDNamespace, "pid", true},
		{specs.NetworkNamespace, "net", true},
		{specs.IPCNamespace, "ipc", true},
		{specs.UTSNamespace, "uts", true},
		{specs.CgroupNamespace, "cgroup", true},
		{specs.TimeNamespace, "time", false},
	} {
		has := slices.ContainsFunc(theirs, func(n specs.LinuxNamespace) bool { return n.Type == t.kind })
		switch wanted := chosen == nil || slices.Contains(chosen, t.kind); {
		case wanted && has:
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: t.kind, Path: fmt.Sprintf("/proc/%d/ns/%s", pid, t.file)})
		case !wanted && t.apart:
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: t.kind})
		}
	}
	return nil
}
