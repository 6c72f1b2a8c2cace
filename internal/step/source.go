package step

import (
	"github.com/rung-oci/rung/internal/mount/option"
)

// A Source is a mount that is made outside of the container's namespaces, by
// the runtime while the player starts; or by a thread of the runtime's in the container's copy of the host's
// mount namespace, for containers in a user namespace of their own; or, where the runtime may
// not make mounts, by the first process in that copy. Steps name it by its number.
type Source struct {
	What string // for error messages: "/srv at /data"
	Number
	Path string // what is cloned, or the source of a new file system

	// A clone.
	Recursive bool
	Device    uint32 // S_IFCHR, S_IFBLK: it must be the device Rdev; else 0
	Rdev      uint64
	// Of a device that the host has no such file of, on the host.
	Mode     uint32
	UID, GID int

	// A new file system, one that belongs to no namespace.
	Kind       string
	Superblock []string
	Data       []string
	Context    bool // without a mount of it, which is made in its turn

	Attr    option.Attr
	RecAttr option.Attr
	Flags   Flags // of a clone: how Attr is meant
	// Propagation is set in order. The first entry of a clone is the root's:
	// without it the clone would stay a peer of the host's mount.
	Propagation []option.Propagation

	IDMap IDMap
}

// String says what is made, in words fit for an error message.
func (s *Source) String() string { return "mount " + s.What }

// An IDMap is how the ids of a mount's files are mapped.
type IDMap struct {
	Field     string // of the configuration, that asks for it; "": nobody does
	MapsField string // of the configuration, that has uidMappings and gidMappings
	Recursive bool   // for the mounts below as well
	UID, GID  string // texts for uid_map and gid_map
	Joined    int    // with no texts: which of plan.Host.Joined is the user namespace with the maps
}
