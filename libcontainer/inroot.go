package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// linked are the sources of binds that lead into the root filesystem by links of the host's on the way to
// it (/var/run for /run), with their paths in the root. Sources without a link on their way are
// seen to be outside by their names.
func linked(s *specs.Spec, bundle, rootfs string) map[string]string {
	var found map[string]string
	for i := range s.Mounts {
		from := s.Mounts[i].Source
		if s.Mounts[i].Type != "bind" && !strings.Contains(from, "/") {
			continue
		}
		if !filepath.IsAbs(from) {
			from = filepath.Join(bundle, from)
		}
		from = filepath.Clean(from)
		if strings.HasPrefix(from+"/", rootfs+"/") || !hasLinks(from) {
			continue
		}
		if inside, ok := reach(from, rootfs); ok {
			if found == nil {
				found = make(map[string]string)
			}
			found[from] = inside
		}
	}
	return found
}

// hasLinks tells whether there is a link on the way to a path, or at its end.
func hasLinks(path string) bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err == nil {
		unix.Close(fd)
	}
	return errors.Is(err, unix.ELOOP)
}

// maxLinks is how many links the kernel follows on the way to a file.
const maxLinks = 40

// reach follows the links of the host's on the way to a path until that comes to the root
// filesystem. What is left of it then is a path there, whose links are the image's.
func reach(path, rootfs string) (inside string, ok bool) {
	at, rest := "/", strings.Split(path, "/")
	for links := 0; len(rest) > 0 && links < maxLinks; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		next := filepath.Join(at, name)
		if next == rootfs {
			return "/" + strings.Join(rest, "/"), true
		}
		to, err := os.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		links++
		if filepath.IsAbs(to) {
			at = "/"
		}
		rest = append(strings.Split(to, "/"), rest...)
	}
	return "", false
}
