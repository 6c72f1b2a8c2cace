package audit

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
)

// sockets are those of daemons that do as root what they are asked to.
var sockets = []string{"docker.sock", "containerd.sock", "crio.sock", "podman.sock", "buildkitd.sock"}

// trees of the host that make who can write there root, or hold what others live on.
var trees = []string{"/", "/dev", "/home", "/root", "/run", "/var", "/var/run", "/var/lib", "/var/log", "/var/spool", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet"}

// wholes are trees in which anything writable is as bad.
var wholes = []string{
	"/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run/systemd", "/sbin", "/sys", "/usr", "/var/spool/cron", "/var/run/systemd",
}

// harmless are files in those that engines bind for a container to have them as the host has.
var harmless = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/localtime", "/etc/timezone"}

// hosts tells whether a directory or file of the host isn't for a container to write to.
func hosts(source string) bool {
	if slices.Contains(trees, source) {
		return true
	}
	return !slices.Contains(harmless, source) && slices.ContainsFunc(wholes, func(dir string) bool { return source == dir || strings.HasPrefix(source, dir+"/") })
}

func (a *auditor) riskyMounts() {
	for i := range a.s.Mounts {
		m := &a.s.Mounts[i]
		at := "mounts[" + strconv.Itoa(i) + "]"
		o, err := option.Parse(m.Options)
		if err != nil {
			continue // which is an error, and no container is made of it
		}
		readOnly, source := isReadOnly(&o), path.Clean(m.Source)
		switch {
		case o.Bind && slices.Contains(sockets, path.Base(source)):
			a.find(Risky, at+".source", "whoever may talk to "+source+" is root of the host", "leave it out")
		case o.Bind && !o.Remount && hosts(source) && !readOnly:
			a.find(Risky, at, "the host's "+source+" is writable", `add "ro" to the end of its options, or bind less of it`)
		case (m.Type == "cgroup" || m.Type == "cgroup2") && !readOnly:
			a.find(Risky, at+".options", "cgroups are writable: the container can change its limits", `add "ro", or delegate a cgroup to a user namespace`)
		case m.Type == "sysfs" && !readOnly && !a.namespace(specs.UserNamespace):
			a.find(Risky, at+".options", "/sys is writable", `add "ro"`)
		}
		for _, p := range o.Propagation {
			if o.Bind && p.Type == unix.MS_SHARED {
				a.find(Risky, at+".options", "mounts that the container makes here appear on the host", "use private or slave")
				break
			}
		}
	}
}

// isReadOnly tells what is left of the words: the last one of a kind counts, and those for a mount with all below it come after those for it alone.
func isReadOnly(o *option.Options) bool {
	attr := o.Attr.Set&^o.RecAttr.Clear | o.RecAttr.Set
	return attr&unix.MOUNT_ATTR_RDONLY != 0
}
