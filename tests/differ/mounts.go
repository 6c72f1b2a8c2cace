package differ

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// aboutMounts are deliberate differences in what mounts look like.
var aboutMounts = []*Known{
	{
		Name:   "masks",
		Reason: "Masked files are a read-only private clone of the host's null, masked directories one small tmpfs; in runc the container's own null, which may be changed through them, and a tmpfs each.",
		Key:    re(`^(mount|file) `),
		Where:  masked,
	},
	{
		Name:   "no capabilities",
		Reason: "Without process.capabilities rung drops all, as crun does; runc keeps all of its caller's.",
		Key:    re(`^(exec \d )?(status Cap|bounding|dev tty|[mrwc]:)|^hook startContainer bound`),
		Where: func(_ *Case, d Difference) bool {
			return !strings.Contains(d.Key, ":") && !strings.Contains(d.Key, "dev tty") || refused(d)
		},
		If: func(c *Case) bool {
			return c.Spec.Process.Capabilities == nil || slices.ContainsFunc(c.Life.Execs, func(e Exec) bool { return e.Process != nil && e.Process.Capabilities == nil })
		},
	},
	{
		Name:   "cgroup mounts in a joined cgroup namespace",
		Reason: "rung shows the container's own cgroup, runc all below the root of the joined namespace, other containers' as well.",
		Key:    re(`^(mount|file) /sys/fs/cgroup(/|$| \(\d\)$)`),
		If:     joins("cgroup"),
	},
	{
		Name:   "v2: source of cgroup mounts",
		Reason: "A clone of the host's mount has the host's source, where a new mount would cost a grace period.",
		Key:    re(`^mount /sys/fs/cgroup( \(\d\))?$`),
		Where:  func(_ *Case, d Difference) bool { return sameBut(d, `from \w+`) },
	},
	{
		Name:   "what was asked for to be linked with the host is",
		Reason: "rootfsPropagation slave and the options slave and shared mean that the host's mounts come in; runc's are private where the source lies on the mount that the root filesystem lies on, which runc has made private, and under a root that is a slave.",
		Key:    re(`^mount .* propagation( \(\d+\))?$`),
		Rung:   re(`^((shared:own )?master:host|shared:(own|host))$`),
		If: func(c *Case) bool {
			return propagates("slave", "rslave")(c) || hasOption("slave", "rslave", "shared", "rshared")(c)
		},
	},
	{
		Name:   "clones are private unless asked to be something else",
		Reason: "Binds, and what the runtime makes for protected paths, devices and cgroups, have nothing to do with the host's mounts afterwards; in runc they are in the host's peer groups where they don't lie on the mount that the root filesystem lies on, or share what is shared.",
		Key:    re(`^mount .* propagation( \(\d+\))?$`),
		Rung:   re(`^$`), Runc: re(`^(shared:(own|host)|master:host|shared:own master:host)$`),
		If: func(c *Case) bool { return !propagates("rshared")(c) },
		Where: func(c *Case, d Difference) bool {
			p := resolved(pathOf(d))
			if m := boundAt(c, p); m != nil {
				return timesMounted(c, p) > 1 || !slices.ContainsFunc(m.Options, func(o string) bool { return strings.HasSuffix(o, "shared") || strings.HasSuffix(o, "slave") })
			}
			below := strings.HasSuffix(d.Key, ")") && slices.ContainsFunc(c.Spec.Linux.ReadonlyPaths, func(ro string) bool { return within(p, ro) })
			return below || copied(c, p) || within(p, "/sys/fs/cgroup") || within(p, "/dev") || slices.Contains(c.Spec.Linux.ReadonlyPaths, p) || slices.Contains(c.Spec.Linux.MaskedPaths, p)
		},
	},
	{
		Name:   "what rshared makes shared is no peer of the host's",
		Reason: "All mounts are shared in the end, but binds that don't ask for it were private before; in runc they are in the host's peer groups.",
		Key:    re(`^mount .* propagation( \(\d+\))?$`),
		Rung:   re(`^shared:own$`), Runc: re(`^(shared:host|shared:own master:host)$`),
		If: propagates("rshared"),
	},
	{
		Name:   "a remount names what it changes of a file system",
		Reason: "It changes the flags of the mount, and of the file system what is named; runc's takes all other flags of the file system away.",
		Key:    re(`^mount .* super( \(\d+\))?$`),
		Where: func(_ *Case, d Difference) bool {
			return sameBut(d, `,(mand|sync|dirsync|lazytime)`) && len(d.Rung) > len(d.Runc)
		},
		If: hasOption("remount"),
	},
	{
		Name:   "a remount that names no flag changes none",
		Reason: "Nor does a bind (ADR 19); runc's remount of a file system takes all flags of the mount away that it doesn't name.",
		Key:    re(`^mount .* flags( \(\d+\))?$`),
		Where: func(_ *Case, d Difference) bool {
			return sameBut(d, `,(nosuid|nodev|noexec|nosymfollow)`) && len(d.Rung) > len(d.Runc)
		},
		If: hasOption("remount"),
	},
	{
		Name:   "cgroup v1: the tmpfs above the hierarchies",
		Reason: "It is read-only where the mount is asked to be; in runc it stays writable.",
		Key:    re(`^mount /sys/fs/cgroup flags( \(\d+\))?$`),
		Rung:   re(`^ro,`), Runc: re(`^rw,`),
		If: showsCgroups,
	},
	{
		Name:   "cgroup v1: nosuid, nodev, noexec",
		Reason: "Every mount of cgroups has them; in runc those have that aren't replaced by the options of the list.",
		Key:    re(`^mount /sys/fs/cgroup(/\w+)? flags( \(\d+\))?$`),
		Rung:   re(`^r[ow],nosuid,nodev,noexec,`),
		If:     showsCgroups,
	},
	{
		Name:   "runc: a mount point made under the caller's umask gives its mode to a tmpfs",
		Reason: "rung makes mount points with 0755, whatever the caller's umask.",
		Key:    re(`^mount .* super`),
		Where:  func(_ *Case, d Difference) bool { return sameBut(d, `mode=\d+`) },
		If:     callersUmask,
	},
	{
		Name:   "runc: the keyring of a user namespace",
		Reason: "runc lets others search it, or nobody but who possesses it, for in its init the user is another; in rung its owner, the process's user, may.",
		Key:    re(`^(exec \d )?keyring$`),
		Rung:   re(`;3f1b0000;`), Runc: re(`;3f13000[08];`),
		If: ownUser,
	},
	{
		Name:   "poststop hooks run in the bundle",
		Reason: "As those at create do; in runc in the directory of who calls delete.",
		Key:    re(`^hook (poststop|poststart) cwd`),
	},
	{
		Name:   "startContainer hooks",
		Reason: "They run in the root filesystem with the umask of who calls start; in runc in the process's working directory, with none.",
		Key:    re(`^hook startContainer (cwd|umask)`),
	},
}

// copied tells whether a path is below a bind of something in the root filesystem, with what was mounted there.
func copied(c *Case, path string) bool {
	return slices.ContainsFunc(c.Spec.Mounts, func(m specs.Mount) bool {
		inside := strings.HasPrefix(m.Source, atBundle+"/rootfs") || strings.HasPrefix(m.Source, "rootfs")
		return inside && slices.Contains(m.Options, "rbind") && within(path, resolved(m.Destination))
	})
}

// within tells whether a path is a directory or below it.
func within(path, dir string) bool {
	return path == dir || len(path) > len(dir) && path[:len(dir)] == dir && path[len(dir)] == '/'
}
