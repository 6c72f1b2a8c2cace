package step

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// EnterRoot makes the root filesystem a mount at its path in the container's
// mount namespace. It comes first: afterwards the namespace's propagation is
// what linux.rootfsPropagation wants, so that no later mount reaches the host. In a mount
// namespace that isn't the container's alone the rest of it stays as it is.
type EnterRoot struct {
	Path        string // on the host, absolute, without links
	Tree        int    // the clone of the root filesystem
	Propagation uint64 // MS_SLAVE…, set recursively on the whole namespace; 0: that is others', too
}

func (s *EnterRoot) String() string { return "enter root filesystem " + s.Path }

// Code carries the fields.
func (s *EnterRoot) Code(c *wire.Codec) {
	c.String(&s.Path)
	c.Int(&s.Tree)
	c.Uint64(&s.Propagation)
}

// Run attaches the tree and makes it the root of the steps that follow.
func (s *EnterRoot) Run(e *Env) error {
	if s.Propagation != 0 {
		if err := s.propagate(); err != nil {
			return err
		}
	}
	// Others may have put a link there, in their mount namespace.
	dir, err := unix.Openat2(unix.AT_FDCWD, s.Path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return at("open", err)
	}
	defer unix.Close(dir)
	tree, err := take(e.Trees, s.Tree)
	if err != nil {
		return err
	}
	e.Root.FD = tree
	if err := sameFile(tree, dir); err != nil {
		return err
	}
	if err := mount.Attach(tree, dir); err != nil || s.Propagation != 0 {
		return at("attach", err)
	}
	// On a mount that is shared it has become shared, and would hand all others on.
	return at("make private", mount.SetPropagation(tree, unix.MS_PRIVATE, true))
}

// propagate sets the propagation of the namespace.
func (s *EnterRoot) propagate() error {
	top, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return at("open /", err)
	}
	defer unix.Close(top)
	if err := mount.SetPropagation(top, s.Propagation, true); err != nil {
		return at("set mount propagation", err)
	}
	if s.Propagation != unix.MS_SHARED {
		return nil
	}
	return at("make parent mount private", privateParent(s.Path))
}

// sameFile guards against a root filesystem that was exchanged since it was
// checked.
func sameFile(a, b int) error {
	var x, y unix.Stat_t
	if err := unix.Fstat(a, &x); err != nil {
		return err
	}
	if err := unix.Fstat(b, &y); err != nil {
		return err
	}
	if x.Dev != y.Dev || x.Ino != y.Ino {
		return unix.ESTALE
	}
	return nil
}

// privateParent makes the mount that path lies on private: what is mounted at
// path would else appear on the host, and pivot_root(2) refuses a shared
// parent. EINVAL says that a path isn't a mount point, so we walk up.
func privateParent(path string) error {
	for {
		err := unix.Mount("", path, "", unix.MS_PRIVATE, "")
		if err != unix.EINVAL || path == "/" {
			return err
		}
		if path = path[:strings.LastIndexByte(path, '/')]; path == "" {
			path = "/"
		}
	}
}
