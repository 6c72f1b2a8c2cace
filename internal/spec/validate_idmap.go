package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/mount/option"
)

// idMapped reports whether the ids of a mount's files are to be mapped. Mappings
// need no option.
func idMapped(m *specs.Mount, o *option.Options) bool {
	return o.IDMap || o.RIDMap || len(m.UIDMappings)+len(m.GIDMappings) > 0
}

// idMap checks what is asked of an id-mapped mount.
func (c *checker) idMap(i int, m *specs.Mount, o *option.Options) {
	if !idMapped(m, o) {
		return
	}
	switch {
	case o.Remount:
		c.bad("a mount can't be id-mapped by a remount", "mounts", i, "options")
	case !o.Bind && m.Type != "tmpfs":
		c.bad("only bind mounts and tmpfs can be id-mapped", "mounts", i, "type")
	case o.CopyUp:
		c.bad(`"tmpcopyup" can't be id-mapped`, "mounts", i, "options")
	}
	uids, gids := len(m.UIDMappings), len(m.GIDMappings)
	switch {
	case uids == 0 && gids == 0 && !c.ns[specs.UserNamespace].set:
		c.bad("an id-mapped mount needs uidMappings and gidMappings, or a user namespace to take them from", "mounts", i, "options")
	case uids == 0 && gids > 0:
		c.bad("id-mapped mounts must have both uid and gid mappings specified", "mounts", i, "uidMappings")
	case gids == 0 && uids > 0:
		c.bad("id-mapped mounts must have both uid and gid mappings specified", "mounts", i, "gidMappings")
	}
	c.mappings(m.UIDMappings, "mounts", i, "uidMappings")
	c.mappings(m.GIDMappings, "mounts", i, "gidMappings")
}

// rootlessIDMaps refuses what the kernel gives nobody but root of the user
// namespace that the file system belongs to.
func (c *checker) rootlessIDMaps() {
	for i := range c.s.Mounts {
		m := &c.s.Mounts[i]
		if o, err := option.Parse(m.Options); err == nil && idMapped(m, &o) {
			c.bad("id-mapped mounts are not supported for rootless containers", "mounts", i)
		}
	}
}
