package differ

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// again adds entries that have to do with earlier ones of the list: binds of what those have put
// into the root filesystem, and remounts.
func (d *dice) again() {
	s := d.c.Spec
	if d.p(20) {
		s.Mounts = append(s.Mounts, d.fromRoot())
	}
	if !d.p(15) {
		return
	}
	for i, m := range s.Mounts {
		if m.Type == "tmpfs" && d.p(50) {
			s.Mounts = slices.Insert(s.Mounts, i+1, d.remount(&m))
			return
		}
	}
}

// fromRoot binds what is in the root filesystem: what the image has there, or an earlier mount.
func (d *dice) fromRoot() specs.Mount {
	from := []string{"/srv", "/srv/dir", "/mnt", "/tmp", "/home", "/link"}
	for _, m := range d.c.Spec.Mounts {
		// By a link of the image's runc comes to the host's, and what is in /proc, /sys and /dev differs anyhow.
		if !strings.HasPrefix(m.Destination, "/var/run") && !strings.HasPrefix(m.Destination, "/proc") && !strings.HasPrefix(m.Destination, "/dev") &&
			!strings.HasPrefix(m.Destination, "/sys") && !strings.Contains(m.Destination, "..") {
			from = append(from, m.Destination, m.Destination)
		}
	}
	root := atBundle + "/rootfs"
	if d.p(30) {
		root = "rootfs"
	}
	options := append([]string{pick(d, "bind", "rbind")}, some(d, 12, "ro", "nosuid", "rw", "noexec", "rro")...)
	dest := pick(d, "/again", "/mnt/again", "/srv/dir", "/new/again", "/tmp/again")
	source := pick(d, from...)
	if strings.HasSuffix(source, "file") || source == "/etc/hosts" || strings.HasSuffix(source, "/f") {
		dest = "/again-file"
	}
	return mount(dest, pick(d, "bind", "none"), root+source, options...)
}

// remount changes the flags of a tmpfs. Nothing else is remounted: by mount(2) that reaches the file
// system, which may be the host's.
func (d *dice) remount(m *specs.Mount) specs.Mount {
	options := append([]string{"remount"}, some(d, 40, "ro", "nosuid", "noexec", "nodev", "noatime")...)
	options = append(options, some(d, 8, "sync", "size=32k", "nr_inodes=50")...)
	if len(options) == 1 {
		options = append(options, "rw")
	}
	return mount(m.Destination, pick(d, "tmpfs", ""), "", options...)
}

// remountsOther tells whether entry i remounts anything but the tmpfs that the entry before it has made.
func remountsOther(list []specs.Mount, i int) bool {
	if !slices.ContainsFunc(list[i].Options, func(o string) bool { return strings.Contains(o, "remount") }) {
		return false
	}
	return i == 0 || list[i-1].Type != "tmpfs" || list[i-1].Destination != list[i].Destination ||
		slices.ContainsFunc(list[i-1].Options, func(o string) bool { return strings.Contains(o, "bind") || strings.Contains(o, "remount") })
}
