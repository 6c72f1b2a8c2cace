package preset

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/spec"
)

// StopSignal is the annotation that holds the signal by which a container is asked to end: the
// image specification's, for engines and people.
const StopSignal = "org.opencontainers.image.stopSignal"

// engineCapabilities are what programs of images expect that begin as root and become somebody else.
var engineCapabilities = []string{
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// grant gives the process capabilities, and no inheritable ones (CVE-2022-29162).
func grant(s *specs.Spec, names ...string) {
	s.Process.Capabilities = &specs.LinuxCapabilities{
		Bounding:  slices.Clone(names),
		Effective: slices.Clone(names),
		Permitted: slices.Clone(names),
	}
}

// The ids of the host's that a user namespace has by the preset userns.
const (
	firstID = 100000
	ids     = 65536
)

func ownUsers(s *specs.Spec) {
	add(s, specs.UserNamespace)
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: firstID, Size: ids}}
	s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: firstID, Size: ids}}
}

// add makes sure that there is a new namespace of a type.
func add(s *specs.Spec, t specs.LinuxNamespaceType) {
	spec.Drop(s, t)
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: t})
}

// has tells whether the container has a namespace of a type.
func has(s *specs.Spec, t specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(s.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == t })
}

// forSystemd gives systemd what it looks for (its "Container Interface"): its directories for what
// goes with the boot, a tree of cgroups to write in, and word that this is a container.
func forSystemd(s *specs.Spec) {
	s.Process.Args = []string{"/sbin/init"}
	s.Process.Env = append(s.Process.Env, "container=oci")
	s.Process.NoNewPrivileges = false // for su and sudo in its services
	s.Root.Readonly = false
	grant(s, engineCapabilities...)
	s.Annotations = map[string]string{StopSignal: "SIGRTMIN+3"} // halt; it takes SIGTERM for "execute yourself again"
	add(s, specs.CgroupNamespace)
	for i := range s.Mounts {
		if m := &s.Mounts[i]; m.Type == "cgroup" {
			m.Options = slices.DeleteFunc(slices.Clone(m.Options), func(word string) bool { return word == "ro" })
			m.Options = append(m.Options, "rw")
		}
	}
	s.Mounts = append(
		s.Mounts,
		Tmpfs("/run", "nosuid", "nodev", "mode=755"),
		Tmpfs("/run/lock", "nosuid", "nodev", "noexec", "mode=1777"),
		Tmpfs("/tmp", "nosuid", "nodev", "mode=1777"),
	)
}

// Tmpfs is a mount of a new tmpfs.
func Tmpfs(destination string, options ...string) specs.Mount {
	return specs.Mount{Destination: destination, Type: "tmpfs", Source: "tmpfs", Options: options}
}

func hostNetwork(s *specs.Spec) {
	spec.Drop(s, specs.NetworkNamespace)
	if has(s, specs.UserNamespace) {
		// A new sysfs needs a network namespace that the user namespace owns.
		setSys(s, specs.Mount{Type: "none", Source: "/sys", Options: []string{"rbind", "nosuid", "noexec", "nodev", "ro"}})
	}
}

func noNetwork(s *specs.Spec) {
	add(s, specs.NetworkNamespace)
	setSys(s, specs.Mount{Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}})
}

// setSys has another mount on /sys.
func setSys(s *specs.Spec, m specs.Mount) {
	m.Destination = "/sys"
	for i := range s.Mounts {
		if s.Mounts[i].Destination == m.Destination {
			s.Mounts[i] = m
		}
	}
}

// restrictedID is a user and a group that is nobody's: that of images without a root of their own.
const restrictedID = 65532

func restrict(s *specs.Spec) {
	s.Process.User = specs.User{UID: restrictedID, GID: restrictedID}
	s.Process.Capabilities = &specs.LinuxCapabilities{}
	s.Process.NoNewPrivileges = true
	s.Linux.Seccomp = profile()
}
