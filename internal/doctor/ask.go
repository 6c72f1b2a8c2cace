package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/seccomp"
)

// wants is what somebody wants to know of the host.
type wants struct {
	root     string
	systemd  bool
	noCgroup bool
	rootless bool

	// Of a bundle:
	bundle       bool
	spec         *specs.Spec
	fields       map[string]string // the check by its name: the field that asks for it, the first of several
	limits       []specs.POSIXRlimit
	capabilities *specs.Process // that has some
	kinds        []kind
	trees        []mapping
	named        []named
	joins        []join
	uids, gids   []specs.LinuxIDMapping
	attempts     []attempt
	rootfs, dir  string                           // of the root filesystem, and the bundle
	offsets      map[string]specs.LinuxTimeOffset // of clocks
	scheduler    *specs.Scheduler
	policy       *specs.LinuxMemoryPolicy
	profile      string // of AppArmor
	cgroupsPath  string
	resources    *specs.LinuxResources
}

// ask decides what is to be known. It makes no system call.
func ask(o *Options) *wants {
	w := &wants{root: o.Root, systemd: o.SystemdCgroup, noCgroup: o.NoCgroup, rootless: o.Rootless, fields: map[string]string{}}
	if o.SystemdCgroup {
		w.fields["systemd.bus"] = "--systemd-cgroup"
	}
	if o.Bundle == nil {
		return w
	}
	w.bundle, w.spec = true, o.Bundle.Spec
	s := w.spec
	w.attempt("bundle.plan", "config.json", attempt{mend: "change the bundle", do: func(*ground) trial { return trial{err: o.Refused} }})
	w.mounts(s.Mounts, o.Bundle)
	w.names(s)
	if s.Process != nil {
		w.process(s.Process)
	} else {
		w.field(noProcess.Name, "process")
	}
	if s.Linux != nil {
		w.namespaces(s.Linux)
		w.rights(s)
		w.linux(s.Linux)
		w.filter(s.Linux.Seccomp)
		w.inside(o.Bundle)
	}
	return w
}

// field notes that a field of the configuration asks for a check.
func (w *wants) field(name, field string, args ...any) {
	if w.fields[name] == "" {
		w.fields[name] = fmt.Sprintf(field, args...)
	}
}

func (w *wants) mounts(list []specs.Mount, b *spec.Bundle) {
	for i := range list {
		m := &list[i]
		o, err := option.Parse(m.Options)
		if err != nil {
			continue // the bundle was checked
		}
		if !o.Bind && !o.Remount && m.Type == "overlay" {
			w.layers(i, &o)
		}
		if !o.Bind && !o.Remount && m.Type != "" {
			w.kind(m.Type, o.Attr.Set)
			w.field("filesystem."+m.Type, "mounts[%d].type", i)
		}
		mapped := len(m.UIDMappings) > 0 || o.IDMap || o.RIDMap
		w.points(i, m, &o, b)
		if !o.Bind && !o.Remount {
			w.fresh(i, m, &o, mapped)
		}
		switch {
		case !o.Bind && mapped:
			w.field("idmap."+m.Type, "mounts[%d]", i)
		case o.Bind && !o.Remount:
			path := w.source(i, m, b)
			w.locked(i, m, &o, path)
			if mapped && w.fields["idmap."+path] == "" {
				w.trees = append(w.trees, mapping{path, o.Recursive, o.RIDMap})
				w.field("idmap."+path, "mounts[%d]", i)
			}
		}
	}
}

// kind notes a file system to be made. Of several mounts of one, what all are counts.
func (w *wants) kind(name string, attr uint64) {
	if name == "cgroup" { // made of what there is
		return
	}
	i := slices.IndexFunc(w.kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		w.kinds = append(w.kinds, kind{name, attr})
		return
	}
	w.kinds[i].attr &= attr
}

func (w *wants) process(p *specs.Process) {
	for i, r := range p.Rlimits {
		w.limits = append(w.limits, r)
		w.field("limit."+r.Type, "process.rlimits[%d]", i)
	}
	if p.Capabilities != nil {
		w.capabilities = p
		w.field("caller.grants", "process.capabilities")
		w.inheritable(p.Capabilities)
	}
	w.arguments(p)
	w.program(p)
	if p.ApparmorProfile != "" {
		w.profile = p.ApparmorProfile
		w.field("label.apparmor", "process.apparmorProfile")
	}
	if p.SelinuxLabel != "" {
		w.field("label.selinux", "process.selinuxLabel")
	}
}

// namespaces notes those that are to be made.
func (w *wants) namespaces(l *specs.Linux) {
	for i, n := range l.Namespaces {
		if n.Path == "" {
			w.field("namespace."+string(n.Type), "linux.namespaces[%d]", i)
		}
		if n.Type != specs.UserNamespace || n.Path != "" {
			continue
		}
		w.uids, w.gids = l.UIDMappings, l.GIDMappings
		w.field("id.maps", "linux.uidMappings")
	}
	if w.offsets = l.TimeOffsets; len(w.offsets) > 0 {
		w.field("namespace.time", "linux.timeOffsets")
	}
}

// rights notes the capabilities that the container takes of root: in a user namespace its first process has them.
func (w *wants) rights(s *specs.Spec) {
	at := func(kind specs.LinuxNamespaceType, isNew bool) int {
		return slices.IndexFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind && (!isNew || n.Path == "") })
	}
	if user := at(specs.UserNamespace, false); user >= 0 {
		w.field("caller.CAP_SYS_CHROOT", "linux.namespaces[%d]", user)
		return
	}
	if network := at(specs.NetworkNamespace, true); network >= 0 {
		w.field("caller.CAP_NET_ADMIN", "linux.namespaces[%d]", network)
	}
	if s.Process == nil {
		return
	}
	w.field("caller.CAP_SETGID", "process.user.gid")
	if s.Process.User.UID != 0 {
		w.field("caller.CAP_SETUID", "process.user.uid")
	}
	if c := s.Process.Capabilities; c == nil || len(c.Bounding) < len(caps.Known()) {
		w.field("caller.CAP_SETPCAP", "process.capabilities.bounding")
	}
}

func (w *wants) linux(l *specs.Linux) {
	w.cgroupsPath, w.resources = l.CgroupsPath, l.Resources
	if l.Resources != nil {
		w.hugePages(l.Resources.HugepageLimits)
	}
	if l.MountLabel != "" {
		w.field("label.selinux", "linux.mountLabel")
	}
	if l.IntelRdt != nil {
		w.field("resctrl.mount", "linux.intelRdt")
	}
	w.networkDevices(l.NetDevices)
	if w.policy = l.MemoryPolicy; w.policy != nil {
		w.field("kernel.set_mempolicy", "linux.memoryPolicy")
	}
	for _, name := range slices.Sorted(maps.Keys(l.Sysctl)) {
		w.parameter(name, l.Sysctl[name], fmt.Sprintf("linux.sysctl[%q]", name))
	}
}

// filter notes what a seccomp profile takes.
func (w *wants) filter(p *specs.LinuxSeccomp) {
	if p == nil {
		return
	}
	w.field("seccomp.filter", "linux.seccomp")
	if seccomp.UsesNotify(p) {
		w.name(named{path: p.ListenerPath, field: "linux.seccomp.listenerPath", look: isSocket, fails: "the bundle: its agent is there"})
	}
	w.field("seccomp."+string(p.DefaultAction), "linux.seccomp.defaultAction")
	for i := range p.Syscalls {
		w.field("seccomp."+string(p.Syscalls[i].Action), "linux.seccomp.syscalls[%d].action", i)
	}
	for i, f := range p.Flags {
		w.field("seccomp."+string(f), "linux.seccomp.flags[%d]", i)
	}
}

// withoutCgroup tells whether the container may do without a cgroup of its own where none can be made.
func (w *wants) withoutCgroup() bool {
	return w.noCgroup || w.rootless && w.cgroupsPath == "" && !w.systemd
}

// first is a list's first line, for what has several.
func first(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
