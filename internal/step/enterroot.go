package step

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
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

// Run attaches the tree and makes it the root of the steps that follow.
func (s *EnterRoot) Run(e *Env) {
	k := e.K
	if s.Propagation != 0 {
		s.propagate(k)
	}
	// Others may have put a link there, in their mount namespace.
	dir := k.Openat2("open", calls.At, s.Path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}).FD()
	defer k.Close(dir)
	tree := e.take("", s.Tree)
	e.Root.FD = tree.FD
	e.sameFile(dir, e.look(tree))
	mount.Attach(k, "attach", tree.FD, dir)
	if s.Propagation == 0 {
		// On a mount that is shared it has become shared, and would hand all others on.
		mount.SetPropagation(k, "make private", tree.FD, unix.MS_PRIVATE, true)
	}
}

// propagate sets the propagation of the namespace.
func (s *EnterRoot) propagate(k *calls.Kernel) {
	top := k.Openat("open /", calls.At, "/", unix.O_PATH, 0).FD()
	defer k.Close(top)
	mount.SetPropagation(k, "set mount propagation", top, s.Propagation, true)
	if s.Propagation == unix.MS_SHARED {
		privateParent(k, s.Path)
	}
}

// sameFile guards against a root filesystem that was exchanged since it was
// checked: fd has to be the file that st is of.
func (e *Env) sameFile(fd calls.FD, st *unix.Statx_t) {
	now, _ := e.K.Stat("", fd)
	for _, same := range []struct {
		v    calls.Arg
		want uint32
	}{
		{now.DevMajor(), st.Dev_major}, {now.DevMinor(), st.Dev_minor}, {now.InoLow(), uint32(st.Ino)}, {now.InoHigh(), uint32(st.Ino >> 32)},
	} {
		e.K.Require("", same.v, ^uint32(0), same.want, unix.ESTALE)
	}
}

// privateParent makes the mount that path lies on private: what is mounted at
// path would else appear on the host, and pivot_root(2) refuses a shared
// parent. EINVAL says that a path isn't a mount point, so we walk up.
func privateParent(k *calls.Kernel, path string) {
	const label = "make parent mount private"
	for {
		err := k.Mount(label, "", path, "", unix.MS_PRIVATE, "").Do()
		if !errors.Is(err, unix.EINVAL) || path == "/" {
			k.Keep(err)
			return
		}
		if path = path[:strings.LastIndexByte(path, '/')]; path == "" {
			path = "/"
		}
	}
}
