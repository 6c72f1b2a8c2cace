package audit

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// powers are capabilities by which root of the host's user namespace gets at the host, and how.
var powers = [][2]string{
	{"CAP_SYS_ADMIN", "mounts, namespaces, and much else of the host's"},
	{"CAP_SYS_MODULE", "kernel modules"},
	{"CAP_SYS_RAWIO", "memory and ports of the machine"},
	{"CAP_SYS_BOOT", "kexec"},
	{"CAP_SYS_PTRACE", "with the host's pid namespace, any process of the host"},
	{"CAP_DAC_READ_SEARCH", "files of the host, by their handles (open_by_handle_at)"},
	{"CAP_BPF", "kernel memory, by programs of its own"},
	{"CAP_PERFMON", "what the kernel and other processes do"},
	{"CAP_SYSLOG", "addresses of the kernel"},
	{"CAP_MAC_ADMIN", "the rules of security modules"},
}

// risks are what gives the container power over the host. In a user namespace of its own most are none.
func (a *auditor) risks() {
	if a.s.Linux == nil || a.s.Process == nil {
		return
	}
	if !a.namespace(specs.UserNamespace) {
		a.riskyCapabilities()
		a.riskyNamespaces()
	}
	a.riskyPaths()
	a.riskyMaps()
	a.riskyMounts()
	a.riskyDevices()
	if a.s.Linux.Seccomp == nil {
		a.find(Risky, "linux.seccomp", "no system call is filtered", "use an engine's default profile")
	}
	if mounted(a.s, "proc") && len(a.s.Linux.MaskedPaths) == 0 {
		a.find(Risky, "linux.maskedPaths", "nothing of /proc is masked", "mask what `rung spec` masks")
	}
	if mounted(a.s, "proc") && len(a.s.Linux.ReadonlyPaths) == 0 && !a.namespace(specs.UserNamespace) {
		a.find(Risky, "linux.readonlyPaths", "/proc/sys and its like are writable", "make read-only what `rung spec` does")
	}
	if a.s.Process.User.UID != 0 && !a.s.Process.NoNewPrivileges {
		a.find(Risky, "process.noNewPrivileges", "programs with set-user-id bits make root of a user", "set it to true")
	}
	if p := a.s.Linux.RootfsPropagation; p == "shared" || p == "rshared" {
		a.find(Risky, "linux.rootfsPropagation", "mounts of the container appear on the host", "use private or slave")
	}
}

func (a *auditor) riskyCapabilities() {
	c := a.s.Process.Capabilities
	if c == nil {
		return
	}
	for _, p := range powers {
		if i := slices.Index(c.Bounding, p[0]); i >= 0 {
			a.find(Risky, "process.capabilities.bounding["+strconv.Itoa(i)+"]", p[0]+" without a user namespace: "+p[1], "leave it out, or use a user namespace")
		}
	}
}

func (a *auditor) riskyNamespaces() {
	for _, ns := range []struct{ kind, what string }{
		{"pid", "sees the host's processes, and may signal those of its user"},
		{"network", "has the host's network, its abstract sockets included"},
		{"ipc", "has the host's shared memory and queues"},
		{"mount", "makes its mounts among the host's"},
	} {
		if !a.namespace(specs.LinuxNamespaceType(ns.kind)) {
			a.find(Risky, "linux.namespaces", "the container has no "+ns.kind+" namespace: it "+ns.what, `add {"type": "`+ns.kind+`"}`)
		}
	}
}

// riskyPaths are namespaces that the configuration has, and which are the host's or the runtime's all the same.
func (a *auditor) riskyPaths() {
	for i, ns := range a.s.Linux.Namespaces {
		for _, of := range []string{"/proc/1/", "/proc/self/", "/proc/thread-self/"} {
			if strings.HasPrefix(path.Clean(ns.Path), of) {
				a.find(Risky, "linux.namespaces["+strconv.Itoa(i)+"].path", "it is no namespace of the container's own: "+ns.Path+" is that of the host, or of who calls the runtime",
					"leave it out for a new one")
			}
		}
	}
}

// riskyMaps have root of the host in the container.
func (a *auditor) riskyMaps() {
	if !a.namespace(specs.UserNamespace) {
		return
	}
	for _, m := range []struct {
		field, what string
		list        []specs.LinuxIDMapping
	}{{"uidMappings", "user", a.s.Linux.UIDMappings}, {"gidMappings", "group", a.s.Linux.GIDMappings}} {
		for i := range m.list {
			if m.list[i].HostID == 0 && m.list[i].Size > 0 {
				a.find(Risky, "linux."+m.field+"["+strconv.Itoa(i)+"].hostID", m.what+" 0 of the host, or of the user namespace that the runtime is in, is one of the container's",
					"map ids that nobody has on the host")
			}
		}
	}
}

func (a *auditor) riskyDevices() {
	r := a.s.Linux.Resources
	if r == nil {
		return
	}
	for i, d := range r.Devices {
		if !d.Allow || !strings.Contains(d.Access, "w") && d.Access != "" {
			continue
		}
		at := "linux.resources.devices[" + strconv.Itoa(i) + "]"
		switch {
		case d.Type == "a" || d.Type == "":
			a.find(Risky, at, "all devices may be used", "allow those that are needed")
		case d.Type == "b":
			a.find(Risky, at, "block devices may be written to: what file systems protect isn't protected there", "leave it out")
		case d.Type == "c" && d.Major != nil && *d.Major == 1 && (d.Minor == nil || *d.Minor >= 1 && *d.Minor <= 2):
			a.find(Risky, at, "memory of the machine may be written to", "leave it out")
		}
	}
}

// mounted tells whether a file system of a type is among the mounts.
func mounted(s *specs.Spec, kind string) bool {
	return slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool { return m.Type == kind })
}
