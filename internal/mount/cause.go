package mount

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/suggest"
)

// kinds are file systems that containers have.
var kinds = [...]string{
	"9p", "binfmt_misc", "bpf", "btrfs", "ceph", "cgroup", "cgroup2", "cifs", "configfs", "debugfs", "devpts", "devtmpfs", "erofs",
	"ext4", "fuse", "hugetlbfs", "iso9660", "mqueue", "nfs", "nfs4", "overlay", "proc", "ramfs", "securityfs", "squashfs", "sysfs",
	"tmpfs", "tracefs", "vfat", "virtiofs", "xfs",
}

// parameters are the words of a file system's own, of those that most containers have.
func parameters(kind string) []string {
	switch kind {
	case "tmpfs":
		return []string{"gid", "huge", "inode32", "inode64", "mode", "mpol", "noswap", "nr_blocks", "nr_inodes", "size", "uid"}
	case "proc":
		return []string{"gid", "hidepid", "subset"}
	case "devpts":
		return []string{"gid", "max", "mode", "newinstance", "ptmxmode", "uid"}
	case "overlay":
		return []string{"index", "lowerdir", "metacopy", "nfs_export", "redirect_dir", "upperdir", "userxattr", "uuid", "volatile", "workdir", "xino"}
	case "cgroup2":
		return []string{"favordynmods", "memory_localevents", "memory_recursiveprot", "nsdelegate"}
	}
	return nil
}

// mistyped is how an error ends of a word that a file system doesn't know, if that is what the kernel says.
func mistyped(kind, word, said string) string {
	if word == "" || !strings.Contains(strings.ToLower(said), "unknown") {
		return ""
	}
	if kind == "" { // of what is mounted already
		kind, _, _ = strings.Cut(said, ":")
	}
	return suggest.Meant(word, slices.Concat(parameters(kind), option.Words()), "")
}

// cause is why the kernel may have refused a file system, where it says an errno and no more; "" if
// nothing is likely.
func cause(kind string, data []string, e unix.Errno) string {
	switch {
	case e == unix.EINVAL && kind == "overlay":
		return overlayCause(data)
	case e != unix.EPERM:
		return ""
	}
	switch kind {
	case "sysfs":
		return "a new one takes a network namespace that belongs to the container's user namespace: add one, or bind /sys"
	case "mqueue":
		return "a new one takes an ipc namespace that belongs to the container's user namespace: add one, or bind /dev/mqueue"
	case "proc":
		return "a new one takes a pid namespace that belongs to the container's user namespace, and nothing of the caller's /proc may be covered"
	case "tmpfs", "devpts", "overlay", "cgroup2":
		return ""
	}
	return "in a user namespace few file systems can be mounted: bind one that the host has mounted"
}

// overlayCause is what is wrong with an overlay, as far as its words tell.
func overlayCause(data []string) string {
	values := map[string]string{}
	for _, word := range data {
		key, value, _ := strings.Cut(word, "=")
		values[strings.TrimSuffix(key, "+")] = value
	}
	switch {
	case values["lowerdir"] == "":
		return "it needs lowerdir"
	case values["upperdir"] == "" && !strings.Contains(values["lowerdir"], ":"):
		return "without upperdir it needs two directories in lowerdir, with a colon between them"
	case values["upperdir"] != "" && values["workdir"] == "":
		return "upperdir needs workdir"
	case values["upperdir"] != "":
		return "upperdir and workdir have to be two directories of one mount, of a file system that is no overlay itself"
	}
	return ""
}
