package differ

import (
	"regexp"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// What entries of the tables ask of configurations.

func mountAt(c *Case, dest string) *specs.Mount {
	for i := range c.Spec.Mounts {
		if resolved(c.Spec.Mounts[i].Destination) == dest {
			return &c.Spec.Mounts[i]
		}
	}
	return nil
}

// boundAt is the last bind at a place, which the list may name by a link.
func boundAt(c *Case, path string) *specs.Mount {
	for i := range slices.Backward(c.Spec.Mounts) {
		m := &c.Spec.Mounts[i]
		if resolved(m.Destination) == path && (slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")) {
			return m
		}
	}
	return nil
}

// cloned is the mount, earlier in the list, that a bind of something in the root filesystem
// clones; nil if there is none.
func cloned(c *Case, bind *specs.Mount) *specs.Mount {
	path, ok := strings.CutPrefix(bind.Source, atBundle+"/rootfs")
	if !ok {
		return nil
	}
	for i := range c.Spec.Mounts {
		m := &c.Spec.Mounts[i]
		if m == bind {
			return nil
		}
		if resolved(m.Destination) == resolved(path) {
			return m
		}
	}
	return nil
}

func lacksProc(c *Case) bool { return mountAt(c, "/proc") == nil }

// givesProc adds a procfs, in front.
func givesProc(c *Case) {
	proc := specs.Mount{Destination: "/proc", Type: "proc", Source: "proc"}
	c.Spec.Mounts = append([]specs.Mount{proc}, c.Spec.Mounts...)
}

func showsCgroups(c *Case) bool {
	return slices.ContainsFunc(c.Spec.Mounts, func(m specs.Mount) bool { return m.Type == "cgroup" })
}

// hasOption reports whether some mount has one of the words.
func hasOption(words ...string) func(*Case) bool {
	return func(c *Case) bool {
		return slices.ContainsFunc(c.Spec.Mounts, func(m specs.Mount) bool {
			return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(m.Options, w) })
		})
	}
}

func hasDevice(path string) func(*Case) bool {
	return func(c *Case) bool {
		return slices.ContainsFunc(c.Spec.Linux.Devices, func(d specs.LinuxDevice) bool { return strings.HasPrefix(d.Path, path) })
	}
}

// deviceBelowMount reports whether a device is listed where a mount puts something.
func deviceBelowMount(c *Case) bool {
	return slices.ContainsFunc(c.Spec.Mounts, func(m specs.Mount) bool {
		return slices.ContainsFunc(c.Spec.Linux.Devices, func(d specs.LinuxDevice) bool { return d.Path == m.Destination })
	})
}

// withoutDevices drops those whose path matches.
func withoutDevices(pattern string) func(*Case) {
	paths := regexp.MustCompile(pattern)
	return func(c *Case) {
		c.Spec.Linux.Devices = slices.DeleteFunc(c.Spec.Linux.Devices, func(d specs.LinuxDevice) bool { return paths.MatchString(d.Path) })
	}
}

func ownUser(c *Case) bool {
	made, joined := c.has(specs.UserNamespace)
	return made || joined
}

func joins(kind specs.LinuxNamespaceType) func(*Case) bool {
	return func(c *Case) bool { _, joined := c.has(kind); return joined }
}

func makes(kind specs.LinuxNamespaceType) func(*Case) bool {
	return func(c *Case) bool { made, _ := c.has(kind); return made }
}

func propagates(words ...string) func(*Case) bool {
	return func(c *Case) bool { return slices.Contains(words, c.Spec.Linux.RootfsPropagation) }
}

// twoPages tells whether the container has a memory limit that no program can live in.
func twoPages(c *Case) bool {
	r := c.Spec.Linux.Resources
	return r != nil && r.Memory != nil && r.Memory.Limit != nil && *r.Memory.Limit > 0 && *r.Memory.Limit <= 8192
}

func hooked(c *Case) bool { return c.Spec.Hooks != nil }

func callersUmask(c *Case) bool { return c.Life.Umask != 0 }

func hasTerminal(c *Case) bool {
	return c.terminal() || slices.ContainsFunc(c.Life.Execs, func(e Exec) bool { return e.TTY || e.Process != nil && e.Process.Terminal })
}

// execProcesses reports whether an exec has a process of its own.
func execProcesses(c *Case) bool {
	return slices.ContainsFunc(c.Life.Execs, func(e Exec) bool { return e.Process != nil })
}

// keyPath is the path in a key: "mount /srv super (2)" → "/srv".
var keyPath = regexp.MustCompile(`^(?:exec \d )?(?:mount|file|afterwards|[crw]:) ?(/[^ ]*)`)

func pathOf(d Difference) string {
	m := keyPath.FindStringSubmatch(d.Key)
	if m == nil {
		return ""
	}
	if strings.Contains(d.Key, "c:") {
		return strings.TrimSuffix(m[1], "/new")
	}
	return m[1]
}

// masked reports whether a difference is about a masked path, links resolved.
func masked(c *Case, d Difference) bool { return slices.Contains(c.Spec.Linux.MaskedPaths, pathOf(d)) }

// resolved undoes what the image's links and dots do to the generator's paths.
func resolved(path string) string {
	path = strings.TrimRight(path, "/")
	for from, to := range map[string]string{"/link/": "/srv/", "/var/run/": "/run/", "/mnt/../": "/"} {
		if rest, ok := strings.CutPrefix(path, from); ok {
			path = to + rest
		}
	}
	return path
}

// timesMounted counts the mounts that the list has at a place.
func timesMounted(c *Case, path string) (n int) {
	for _, m := range c.Spec.Mounts {
		if resolved(m.Destination) == resolved(path) {
			n++
		}
	}
	return n
}

// refused reports whether rung's container may not do what runc's may.
func refused(d Difference) bool { return d.Rung == "EACCES" || d.Rung == "EPERM" }
