package fleet

import (
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A Root is a state directory, or a pattern of some: an absolute path with "*" in its names.
//
// A directory that our caller names himself may be behind links. Of a pattern nothing is, and no mount is entered behind the last name with a "*": users may
// have mounted there what never answers.
type Root struct {
	Path    string
	Trusted bool // our caller has named it
}

// Everywhere are the state directories that engines give to their runtimes, and those that the runtimes have by default.
var Everywhere = []string{
	"/run/rung",
	"/run/runc", // CRI-O, Podman
	"/run/crun", // Podman, CRI-O
	"/run/youki",
	"/run/docker/runtime-*/*", // Docker: a runtime of the daemon's configuration, and a namespace
	"/run/containerd/runc/*",  // a namespace each: k8s.io, default, moby
	"/run/user/*/rung",        // of ordinary users
	"/run/user/*/runc",
	"/run/user/*/crun",
	"/run/user/*/youki",
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
	star := strings.IndexByte(r.Path, '*')
	if star < 0 || r.Trusted {
		return []directory{{path: r.Path, trusted: r.Trusted}}
	}
	begin := strings.LastIndexByte(r.Path[:star], '/')
	pattern, beyond, _ := strings.Cut(r.Path[begin+1:], "/")
	fd, err := outer(r.Path[:begin+1])
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	found, _ := names(fd)
	for _, name := range found {
		if matches, _ := path.Match(pattern, name); !matches {
			continue
		}
		each := Root{Path: strings.TrimSuffix(r.Path[:begin+1]+name+"/"+beyond, "/")}
		if strings.Contains(beyond, "*") {
			list = append(list, each.directories()...)
		} else {
			list = append(list, directory{path: each.Path, beyond: beyond})
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
