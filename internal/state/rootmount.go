package state

import "github.com/rung-oci/rung/internal/jsontext"

// A RootMount is the mount of a root filesystem in a mount namespace that isn't the
// container's alone. All other mounts of the container are on it. It doesn't go with the
// container's last process, so delete has to unmount it.
type RootMount struct {
	Path string // in that namespace
	// ID is the mount's, as statx(2) tells it: never used again until the host is started anew
	// from Linux 6.8 on, and before that not as long as it is mounted.
	ID uint64
	// Namespace is the path that the configuration has for the namespace; "" is who made
	// the container's.
	Namespace string
	// Inode is the namespace's, of which only one can be at any time.
	Inode uint64
}

const rootMountKey = "root_mount"

func rootMount(w *jsontext.Writer, m *RootMount) {
	if m == nil {
		return
	}
	w.Key(rootMountKey)
	w.BeginObject()
	hostPath(w, "path", m.Path)
	w.Key("id")
	w.Uint(m.ID)
	str(w, "namespace", m.Namespace)
	w.Key("inode")
	w.Uint(m.Inode)
	w.EndObject()
}

func readRootMount(r *jsontext.Reader) *RootMount {
	if r.ReadNull() {
		return nil
	}
	m := &RootMount{}
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "path":
			m.Path = r.ReadString()
		case "path" + bytesSuffix:
			readBytes(r, &m.Path)
		case "id":
			m.ID = r.ReadUint(64)
		case "namespace":
			m.Namespace = r.ReadString()
		case "inode":
			m.Inode = r.ReadUint(64)
		default:
			r.Skip()
		}
	}
	return m
}
