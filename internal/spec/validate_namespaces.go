package spec

import (
	"os"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

var namespaceTypes = [...]specs.LinuxNamespaceType{
	specs.PIDNamespace, specs.NetworkNamespace, specs.MountNamespace, specs.IPCNamespace,
	specs.UTSNamespace, specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace,
}

func (c *checker) namespaces(list []specs.LinuxNamespace) {
	seen := map[specs.LinuxNamespaceType]bool{}
	for i, n := range list {
		if !slices.Contains(namespaceTypes[:], n.Type) {
			unknown(c, "namespace", n.Type, namespaceTypes[:], "linux", "namespaces", i, "type")
			continue
		}
		if seen[n.Type] {
			c.bad("duplicate "+string(n.Type)+" namespace", "linux", "namespaces", i, "type")
		}
		seen[n.Type] = true
		if n.Path != "" {
			c.path(n.Path, "linux", "namespaces", i, "path")
		}
	}
}

func (c *checker) idMappings(l *specs.Linux) {
	user := c.ns[specs.UserNamespace]
	for _, f := range [...]struct {
		field string
		maps  []specs.LinuxIDMapping
	}{
		{"uidMappings", l.UIDMappings}, {"gidMappings", l.GIDMappings},
	} {
		switch {
		case len(f.maps) == 0 && user.isNew():
			c.bad("a new user namespace needs at least one", "linux", f.field)
		case user.isNew() && !isMapped(0, f.maps):
			c.bad("no mapping for 0, as which the container is made", "linux", f.field)
		}
		c.mappings(f.maps, "linux", f.field)
	}
}

// maxMappings is how many lines a map of ids has at most (user_namespaces(7)).
const maxMappings = 340

// mappings checks one map by the rules of the kernel, which says no more than EINVAL.
func (c *checker) mappings(maps []specs.LinuxIDMapping, field ...any) {
	if len(maps) > maxMappings {
		c.bad("has "+strconv.Itoa(len(maps))+" entries, the kernel takes at most 340", field...)
		return
	}
	at := func(more ...any) []any { return append(slices.Clip(field), more...) }
	length := 0
	for i, m := range maps {
		length += len(mapLine(m))
		switch {
		case m.Size == 0:
			c.bad("must not be 0", at(i, "size")...)
			continue
		case overflows(m.ContainerID, m.Size) || overflows(m.HostID, m.Size):
			c.bad("reaches beyond the highest id, 4294967294", at(i, "size")...)
			continue
		}
		for k := range i {
			if overlap(maps[k].ContainerID, maps[k].Size, m.ContainerID, m.Size) {
				c.bad("overlaps "+join(at(k)), at(i, "containerID")...)
			}
			if overlap(maps[k].HostID, maps[k].Size, m.HostID, m.Size) {
				c.bad("overlaps "+join(at(k)), at(i, "hostID")...)
			}
		}
	}
	// A map is written at once, and must be shorter than a page.
	if length >= os.Getpagesize() {
		c.bad("takes "+strconv.Itoa(length)+" bytes as text, the kernel takes less than "+
			strconv.Itoa(os.Getpagesize()), field...)
	}
}

// mapLine is an entry as it is written to /proc/PID/uid_map.
func mapLine(m specs.LinuxIDMapping) string {
	id := func(v uint32) string { return strconv.FormatUint(uint64(v), 10) }
	return id(m.ContainerID) + " " + id(m.HostID) + " " + id(m.Size) + "\n"
}

// overflows reports whether the range holds ids that don't exist.
func overflows(first, size uint32) bool { return uint64(first)+uint64(size) > maxID+1 }

func overlap(a, sizeA, b, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

func (c *checker) timeOffsets(offsets map[string]specs.LinuxTimeOffset) {
	if len(offsets) > 0 && !c.ns[specs.TimeNamespace].isNew() {
		c.bad("needs a new time namespace", "linux", "timeOffsets")
	}
	for _, clock := range sortedKeys(offsets) {
		if clock != "monotonic" && clock != "boottime" {
			c.bad("unknown clock, only monotonic and boottime have offsets", "linux", "timeOffsets", key(clock))
		}
		if offsets[clock].Nanosecs >= 1e9 {
			c.bad("must be less than 1000000000", "linux", "timeOffsets", key(clock), "nanosecs")
		}
	}
}
