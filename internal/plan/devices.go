package plan

import (
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/step"
)

// devices plans what belongs into /dev, unless /dev is a bind mount: then it is
// somebody else's.
func (p *planner) devices() {
	if DevIsBind(p.spec) {
		return
	}
	for _, n := range p.nodes() {
		p.node(n)
	}
	links := []step.Link{
		{Path: "/dev/fd", Target: "/proc/self/fd"},
		{Path: "/dev/stdin", Target: "/proc/self/fd/0"},
		{Path: "/dev/stdout", Target: "/proc/self/fd/1"},
		{Path: "/dev/stderr", Target: "/proc/self/fd/2"},
		{Path: "/dev/ptmx", Target: "pts/ptmx", Replace: true},
	}
	if p.host.HasKcore {
		links = append(links, step.Link{Path: "/dev/core", Target: "/proc/kcore"})
	}
	for i := range links {
		p.add(&links[i])
	}
}

// DevIsBind tells whether a container's /dev is bound: then it has the devices that are there, and no others.
func DevIsBind(s *specs.Spec) bool {
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if path.Clean("/"+m.Destination) != "/dev" {
			continue
		}
		if o, err := option.Parse(m.Options); err == nil && o.Bind && !o.Remount {
			return true
		}
	}
	return false
}

// DefaultDevices are the devices that every container has.
func DefaultDevices() []rootfs.Node {
	char := func(name string, minor uint32, major uint32) rootfs.Node {
		return rootfs.Node{Path: "/dev/" + name, Mode: unix.S_IFCHR | 0o666, Rdev: unix.Mkdev(major, minor)}
	}
	return []rootfs.Node{
		char("null", 3, 1), char("random", 8, 1), char("full", 7, 1),
		char("tty", 0, 5), char("zero", 5, 1), char("urandom", 9, 1),
	}
}

// DefaultDevicesOf are a container's: without those in whose place it mounts something, which is what it wants there.
// Nothing but the real one may be at /dev/null: a container's programs trust in it like in no other.
func DefaultDevicesOf(s *specs.Spec) []rootfs.Node {
	return slices.DeleteFunc(DefaultDevices(), func(n rootfs.Node) bool { return n.Path != "/dev/null" && mountedAt(s, n.Path) })
}

// mountedAt tells whether a configuration mounts something at a path, and nothing above it later. Hardly one does: names
// are looked at first, which makes nothing.
func mountedAt(s *specs.Spec, at string) bool {
	name := path.Base(at)
	if !slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool {
		return path.Base(m.Destination) == name || strings.HasSuffix(m.Destination, ".")
	}) {
		return false
	}
	for i := range slices.Backward(s.Mounts) {
		destination := path.Clean("/" + s.Mounts[i].Destination)
		if Within(at, destination) && !isRemount(&s.Mounts[i]) {
			return destination == at
		}
	}
	return false
}

// Within tells whether a path of the container's is dir, which is clean, or below it, as far as names tell.
func Within(p, dir string) bool {
	return strings.HasPrefix(path.Clean("/"+p)+"/", strings.TrimSuffix(dir, "/")+"/")
}

func isRemount(m *specs.Mount) bool {
	o, err := option.Parse(m.Options)
	return err == nil && o.Remount
}

// nodes are the default devices, as far as they can be had, then the configuration's. Those
// replace one of ours of the same path; of two of theirs, which can differ in owner and
// mode only, the first counts, as with runc and crun: the second finds what it wants there.
// What we make in our own way isn't made in theirs.
func (p *planner) nodes() []rootfs.Node {
	list := slices.DeleteFunc(DefaultDevicesOf(p.spec), func(n rootfs.Node) bool { return slices.Contains(p.host.Lacks, n.Path) })
	configured := p.linux().Devices
	if len(configured) == 0 {
		return list
	}
	ours := make(map[string]int, len(list))
	for i := range list {
		ours[list[i].Path] = i
	}
	seen := make(map[string]bool, len(configured))
	for i := range configured {
		n := deviceNode(&configured[i])
		j, there := ours[n.Path]
		switch {
		case seen[n.Path] || p.madeByUs(n.Path):
		case there:
			list[j] = n
		default:
			list = append(list, n)
		}
		seen[n.Path] = true
	}
	return list
}

// madeByUs tells whether a file of /dev is of the container's own devpts.
func (p *planner) madeByUs(path string) bool {
	return path == "/dev/ptmx" || path == "/dev/pts/ptmx" || path == "/dev/console" && p.terminal()
}

func deviceNode(d *specs.LinuxDevice) rootfs.Node {
	n := rootfs.Node{Path: path.Clean(d.Path), Mode: unix.S_IFCHR, Rdev: unix.Mkdev(uint32(d.Major), uint32(d.Minor))}
	switch d.Type {
	case "b":
		n.Mode = unix.S_IFBLK
	case "p":
		n.Mode, n.Rdev = unix.S_IFIFO, 0
	}
	mode := uint32(0o666)
	if d.FileMode != nil {
		mode = uint32(*d.FileMode) & 0o7777
	}
	n.Mode |= mode
	if d.UID != nil {
		n.UID = int(*d.UID)
	}
	if d.GID != nil {
		n.GID = int(*d.GID)
	}
	return n
}

// node plans one device: made, or bound from the host where making one is
// forbidden.
func (p *planner) node(n rootfs.Node) {
	fifo := n.Mode&unix.S_IFMT == unix.S_IFIFO
	if fifo || !p.ns.user() && !p.host.UserNS && p.host.Permitted.Has(unix.CAP_MKNOD) {
		p.add(&step.Device{Node: n})
		return
	}
	src := p.source(step.Source{
		What: "device " + n.Path, Path: n.Path, Device: n.Mode & unix.S_IFMT, Rdev: n.Rdev, Propagation: p.inherited(),
		Mode: n.Mode & 0o7777, UID: p.hostID(n.UID, p.linux().UIDMappings), GID: p.hostID(n.GID, p.linux().GIDMappings),
	})
	p.add(&step.BindDevice{Path: n.Path, Tree: src})
}

// hostID is the id on the host of one of the container's; the host's 0 where the
// container has a user namespace whose maps we don't make.
func (p *planner) hostID(id int, maps []specs.LinuxIDMapping) int {
	if p.ns.clone&unix.CLONE_NEWUSER == 0 {
		return 0
	}
	for _, m := range maps {
		if at := uint64(id); at >= uint64(m.ContainerID) && at < uint64(m.ContainerID)+uint64(m.Size) {
			return int(uint64(m.HostID) + at - uint64(m.ContainerID))
		}
	}
	return 0
}
