package libcontainer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/spec"
	"github.com/rung-oci/rung/libcontainer/state"
)

// RunInOptions say what to run beside a container, and how near to it.
type RunInOptions struct {
	ID         string                     // of the container
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
}

// ErrInStopped and its like are why nothing can be run beside a container.
var (
	ErrInStopped = errors.New("cannot run in the namespaces of a stopped container")
	ErrInPaused  = errors.New("cannot run in the namespaces of a paused container: it would be frozen like that")
)

// SpecIn is the configuration of what RunIn runs, a container of its own with the id that comes with it.
func (r *Runtime) SpecIn(o *RunInOptions) (s *specs.Spec, id string, err error) {
	c, err := r.openToJoin(o.ID)
	if err != nil {
		return nil, "", err
	}
	defer c.close()
	b, err := c.config()
	if err != nil {
		return nil, "", err
	}
	if s, err = specIn(b.Spec, c.record.PID, o); err != nil {
		return nil, "", err
	}
	if !c.hasCgroup() {
		s.Linux.Resources.Devices = nil
	}
	return s, besideID(o.ID), nil
}

// RunIn runs a program with a root filesystem of its own in namespaces of a container, in cgroups below the container's, as a container that lives
// no longer than its program. raw is the text of what SpecIn has returned. The result is that of Run.
func (r *Runtime) RunIn(o *RunInOptions, id string, raw []byte) (status int, err error) {
	beside, err := r.openToJoin(o.ID)
	if err != nil {
		return 1, err
	}
	defer beside.close()
	pidfd, err := beside.pidfd()
	if errors.Is(err, unix.ESRCH) {
		return 1, fmt.Errorf("%s: %w", o.ID, ErrInStopped)
	}
	if err != nil {
		return 1, err
	}
	defer unix.Close(pidfd)
	own := *r
	own.SystemdCgroup = false // below a unit is what its owner makes there
	run := &RunOptions{CreateOptions: CreateOptions{ID: id}}
	c, err := own.begin(&run.CreateOptions, beside, func() (*spec.Bundle, error) { return spec.Parse(beside.record.Bundle, raw) })
	if err != nil {
		return 1, err
	}
	// The namespaces are open by now: of that process, if it is still there, and else of nobody knows whom.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		c.close()
		return 1, fmt.Errorf("%s: %w", o.ID, ErrInStopped)
	}
	return own.run(c, run)
}

// besideID is an id of its own for what is run beside a container.
func besideID(of string) string {
	suffix := ".debug" + strconv.Itoa(unix.Getpid())
	return of[:min(len(of), state.MaxID-len(suffix))] + suffix
}

// openToJoin opens a container that is created or runs.
func (r *Runtime) openToJoin(id string) (*container, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	f, err := c.facts()
	if err == nil {
		switch f.Status() {
		case specs.StateStopped:
			err = ErrInStopped
		case state.Paused:
			err = ErrInPaused
		}
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
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

// mapsTTY tells whether the group tty, 5, is known to exist in a container's user namespace.
func mapsTTY(s *specs.Spec) bool {
	return slices.ContainsFunc(s.Linux.GIDMappings, func(m specs.LinuxIDMapping) bool { return m.ContainerID <= 5 && 5-m.ContainerID < m.Size })
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
