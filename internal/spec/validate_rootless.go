package spec

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// mountOwner checks the ids that a file system made inside a new user namespace
// is to belong to. Of one that doesn't exist there the kernel says EINVAL only,
// and gid=5 of terminals is in every example.
func (c *checker) mountOwner(i int, options []string) {
	if c.s.Linux == nil || !c.ns[specs.UserNamespace].isNew() {
		return
	}
	for _, word := range options {
		name, value, _ := strings.Cut(word, "=")
		maps := c.s.Linux.UIDMappings
		switch name {
		case "uid":
		case "gid":
			maps = c.s.Linux.GIDMappings
		default:
			continue
		}
		id, err := strconv.ParseUint(value, 10, 32)
		if err == nil && len(maps) > 0 && !isMapped(uint32(id), maps) {
			c.bad(name+" "+value+" is not mapped in the user namespace", "mounts", i, "options")
		}
	}
}

// ValidateRootless checks what a valid configuration needs to be run by an
// ordinary user, uid. Its error is of type [Errors].
func ValidateRootless(s *specs.Spec, uid int) error {
	c := checker{s: s, ns: namespacesOf(s)}
	if !c.ns[specs.UserNamespace].set {
		c.bad("rootless container requires user namespaces: uid "+strconv.Itoa(uid)+` needs an entry "user"`, "linux", "namespaces")
	}
	if s.Linux != nil && len(s.Linux.NetDevices) > 0 {
		c.bad("moving network devices takes root: uid "+strconv.Itoa(uid)+" can't", "linux", "netDevices")
	}
	c.rootlessIDMaps()
	return c.errs.orNil()
}
