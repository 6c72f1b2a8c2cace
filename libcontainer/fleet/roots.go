package fleet

import (
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/state"
)

// A Root is a state directory, or a pattern of some: an absolute path in which one name may be "*".
//
// A directory that our caller names himself may be behind links. Of a pattern nothing is, and no mount is entered behind the "*": users may have mounted
// there what never answers.
type Root struct {
	Path    string
	Trusted bool // our caller has named it
}

// Everywhere are the state directories that engines give to their runtimes, and those that the runtimes have by default.
var Everywhere = []string{
	"/run/rung",
	"/run/runc",                            // CRI-O, Podman
	"/run/crun",                            // Podman, CRI-O
	"/run/youki",                           //
	"/run/docker/runtime-runc/*",           // moby
	"/run/docker/runtime-crun/*",           // as it is named in the daemon's configuration, which is often so
	"/run/docker/runtime-rung/*",           //
	"/run/containerd/runc/*",               // a namespace each: k8s.io, default, moby
	"/run/user/*/rung",                     // of ordinary users
	"/run/user/*/runc",                     //
	"/run/user/*/crun",                     //
	"/run/user/*/youki",                    //
	"/run/user/*/docker/runtime-runc/moby", // Docker without root
}

// Roots are the patterns as roots, without those that are a directory that our caller has named.
func Roots(patterns []string, but string) (list []Root) {
	for _, p := range patterns {
		if p != but {
			list = append(list, Root{Path: p})
		}
	}
	return list
}

// directory is one that a root stands for.
type directory struct {
	path    string
	beyond  string // what of the path is behind the "*", which has no mounts in it; "": nothing
	trusted bool
}

// directories are those that a root stands for now.
func (r Root) directories() (list []directory) {
	before, beyond, ok := strings.Cut(r.Path, "/*")
	if !ok {
		return []directory{{path: r.Path, trusted: r.Trusted}}
	}
	fd, err := outer(before)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	found, _ := names(fd)
	for _, name := range found {
		if state.CheckID(name) == nil {
			list = append(list, directory{path: before + "/" + name + beyond, beyond: strings.TrimPrefix(beyond, "/")})
		}
	}
	return list
}

// open opens the directory.
func (d *directory) open() (int, error) {
	if d.trusted {
		fd, err := unix.Open(d.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return fd, pathError(d.path, err)
	}
	if d.beyond == "" {
		return outer(d.path)
	}
	fd, err := outer(strings.TrimSuffix(d.path, "/"+d.beyond))
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	inner, err := open(fd, d.beyond, unix.O_RDONLY|unix.O_DIRECTORY)
	return inner, pathError(d.path, err)
}

// outer opens a directory of the host's, behind no link.
func outer(dir string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, dir, &how)
	return fd, pathError(dir, err)
}

func pathError(dir string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: "open", Path: dir, Err: err}
}
