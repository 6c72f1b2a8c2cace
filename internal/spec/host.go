package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// hostNamespaces refuses settings of namespaces that are joined by path and are those of the host
// after all: /proc/1/ns/net, say. Changing a sysctl or the host name there would change the host.
// (CVE-2022-0811 and its kin: a setting is namespaced only if its namespace is not the host's.)
//
// It compares with the caller's own namespaces, and looks at a path that someone could still
// replace: who joins the namespace should compare its descriptor again.
func hostNamespaces(s *specs.Spec) (errs Errors) {
	ns := namespacesOf(s)
	if s.Hostname != "" && isHost(ns, specs.UTSNamespace) {
		errs.add(msgHost(specs.UTSNamespace), "hostname")
	}
	if s.Domainname != "" && isHost(ns, specs.UTSNamespace) {
		errs.add(msgHost(specs.UTSNamespace), "domainname")
	}
	if s.Linux == nil {
		return errs
	}
	for _, name := range sortedKeys(s.Linux.Sysctl) {
		need, err := SysctlNamespace(name)
		if err == nil && isHost(ns, need) {
			errs.add(msgHost(need), "linux", "sysctl", key(name))
		}
	}
	return errs
}

func msgHost(t specs.LinuxNamespaceType) string {
	return "the " + string(t) + " namespace to join is the host's, which must not change"
}

// isHost reports whether the namespace is joined by a path that leads to the caller's own. A path
// that can't be looked at is left to who joins it.
func isHost(ns namespaces, t specs.LinuxNamespaceType) bool {
	path := ns[t].path
	if path == "" {
		return false
	}
	var joined, own unix.Stat_t
	if unix.Stat(path, &joined) != nil || unix.Stat("/proc/thread-self/ns/"+procName(t), &own) != nil {
		return false
	}
	return joined.Dev == own.Dev && joined.Ino == own.Ino
}

// procName is a namespace's name in /proc/PID/ns.
func procName(t specs.LinuxNamespaceType) string {
	switch t {
	case specs.NetworkNamespace:
		return "net"
	case specs.MountNamespace:
		return "mnt"
	}
	return string(t)
}
