package libcontainer

import (
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// linked are the sources of binds that lead into the root filesystem by links of the host's on the way to
// it (/var/run for /run), with their paths in the root. It looks at those only that have the
// name of the root's directory in them: a bind of something else costs nothing.
func linked(s *specs.Spec, bundle, rootfs string) map[string]string {
	var found map[string]string
	name := "/" + filepath.Base(rootfs) + "/"
	for i := range s.Mounts {
		from := s.Mounts[i].Source
		if !filepath.IsAbs(from) {
			from = filepath.Join(bundle, from)
		}
		from = filepath.Clean(from) + "/"
		at := strings.Index(from, name)
		if at < 0 || strings.HasPrefix(from, rootfs+"/") || !sameDirectory(from[:at+len(name)-1], rootfs) {
			continue
		}
		if found == nil {
			found = make(map[string]string)
		}
		found[filepath.Clean(from)] = filepath.Clean(from[at+len(name)-1:])
	}
	return found
}

// sameDirectory tells whether two paths lead to one directory of one mount.
func sameDirectory(a, b string) bool {
	var x, y unix.Statx_t
	const mask = unix.STATX_INO | unix.STATX_MNT_ID
	if unix.Statx(unix.AT_FDCWD, a, 0, mask, &x) != nil || unix.Statx(unix.AT_FDCWD, b, 0, mask, &y) != nil {
		return false
	}
	return x.Ino == y.Ino && x.Mnt_id == y.Mnt_id
}
