package differ

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// danger says why a case must not be run: it could reach what isn't its own, or
// it lacks what makes it a case. The shrinker asks too, since a part that is
// taken away may be what kept a case off the host.
func danger(c *Case) string {
	s := c.Spec
	switch {
	case s == nil || s.Root == nil || s.Process == nil || s.Linux == nil:
		return "a part is missing"
	case s.Root.Path != "rootfs" && s.Root.Path != atBundle+"/rootfs":
		return "another root"
	case s.Version == "" || len(s.Process.Args) == 0 || s.Process.Cwd == "":
		return "a field is missing"
	case !strings.HasPrefix(s.Linux.CgroupsPath, "/rungd-"):
		return "a cgroup without our prefix"
	case c.Life.Verb != "run" && c.Life.Verb != "create" && c.Life.Verb != "detached":
		return "no verb"
	case c.terminal() && c.Life.NoStdin:
		return "a terminal that nobody types at"
	}
	if made, _ := c.has(specs.MountNamespace); !made {
		return "the host's mount namespace"
	}
	made := func(kind specs.LinuxNamespaceType) bool { m, _ := c.has(kind); return m }
	if (s.Hostname != "" || s.Domainname != "") && !made(specs.UTSNamespace) {
		return "the host's name"
	}
	for name := range s.Linux.Sysctl {
		net := strings.HasPrefix(name, "net.")
		if net && !made(specs.NetworkNamespace) || !net && !made(specs.IPCNamespace) {
			return "a sysctl of the host's"
		}
	}
	for _, ns := range s.Linux.Namespaces {
		if ns.Path != "" && (c.Holder == nil || !strings.HasPrefix(ns.Path, atHolder) || !holds(c.Holder, string(ns.Type))) {
			return "a namespace to join that nobody holds"
		}
	}
	return dangerousMounts(c)
}

func dangerousMounts(c *Case) string {
	for i, m := range c.Spec.Mounts {
		source := filepath.Clean(m.Source)
		switch {
		case m.Destination == "":
			return "a mount without a place"
		case remountsOther(c.Spec.Mounts, i):
			return "a remount of what may be the host's"
		case strings.Contains(m.Source, ".."):
			return "a source that climbs"
		case !strings.HasPrefix(source, "/") || strings.HasPrefix(source, atBundle):
		case source == "/proc" && !strings.HasPrefix(m.Destination, "/sys"):
		default:
			return "a source outside"
		}
	}
	return ""
}

func holds(h *Holder, kind string) bool {
	return slices.Contains(h.Namespaces, kind)
}
