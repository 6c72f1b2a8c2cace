package step

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// Sysctl sets a kernel parameter of one of the container's namespaces. The
// calling thread is in it, and the file is opened below a procfs that is
// verified (CVE-2025-52881).
type Sysctl struct {
	Path  string // below /proc/sys
	Value string
}

func (s *Sysctl) String() string { return "set sysctl " + s.Path }

// Code carries the fields.
func (s *Sysctl) Code(c *wire.Codec) {
	c.String(&s.Path)
	c.String(&s.Value)
}

// Run writes it.
func (s *Sysctl) Run(e *Env) error { return e.Proc.WriteFile("sys/"+s.Path, s.Value) }

// LateReadonly makes those mounts read-only that had to stay writable while they were
// filled. It comes before paths are protected: what is mounted below such a path is
// cloned with the flags that it has.
type LateReadonly struct{}

func (*LateReadonly) String() string { return "make mounts read-only" }

// Code carries no field.
func (*LateReadonly) Code(*wire.Codec) {}

// Run sets the flag.
func (*LateReadonly) Run(e *Env) error {
	for _, fd := range e.readonly {
		if err := mount.SetAttr(fd, unix.MOUNT_ATTR_RDONLY, 0, false); err != nil {
			return at("set read-only", err)
		}
	}
	CloseAll(e.readonly)
	e.readonly = nil
	return nil
}

// Readonly makes a path of the container read-only; what is mounted below keeps
// its flags, as with runc. A path that isn't there needs no protection.
type Readonly struct{ Path string }

func (s *Readonly) String() string { return "make " + s.Path + " read-only" }

// Code carries the fields.
func (s *Readonly) Code(c *wire.Codec) { c.String(&s.Path) }

// Run binds the path onto itself.
func (s *Readonly) Run(e *Env) error {
	target, err := e.Root.Lookup(s.Path)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(target)
	tree, err := mount.Clone(target, "", true)
	if err != nil {
		return at("clone", err)
	}
	defer unix.Close(tree)
	if err := mount.SetAttr(tree, unix.MOUNT_ATTR_RDONLY, 0, false); err != nil {
		return at("set read-only", err)
	}
	return at("attach", mount.Attach(tree, target))
}

// Mask hides a path of the container: a file under /dev/null, a directory under
// an empty read-only tmpfs. A path that isn't there needs no mask.
type Mask struct {
	Path string
	Null int // the clone of the host's /dev/null, verified when it was cloned (CVE-2025-31133)
	Dir  int // an empty directory; -1: make one
	// Label is the SELinux label of the directory that is made; "": the policy's.
	Label string
}

func (s *Mask) String() string { return "mask " + s.Path }

// Code carries the fields.
func (s *Mask) Code(c *wire.Codec) {
	c.String(&s.Path)
	c.Int(&s.Null)
	c.Int(&s.Dir)
	c.String(&s.Label)
}

// Run attaches the mask. All masks of one kind are clones of the first: a
// superblock for each made nodes slow (kubernetes#138512).
func (s *Mask) Run(e *Env) error {
	target, err := e.Root.Lookup(s.Path)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(target)
	var st unix.Stat_t
	if err := unix.Fstat(target, &st); err != nil {
		return err
	}
	first, fresh := &e.maskFile, func() (int, error) { return take(e.Trees, s.Null) }
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		first, fresh = &e.maskDir, func() (int, error) { return s.emptyDir(e) }
	}
	tree := *first
	if tree < 0 {
		tree, err = fresh()
	} else {
		tree, err = mount.Clone(tree, "", false)
	}
	if err != nil {
		return at("make mask", err)
	}
	if err := mount.Attach(tree, target); err != nil {
		unix.Close(tree)
		return at("attach", err)
	}
	if *first < 0 {
		*first = tree // attached mounts can be cloned, detached ones not before Linux 6.15
		return nil
	}
	return at("close", unix.Close(tree))
}

// MaskData are the options of the tmpfs that hides directories, but for its label.
var MaskData = []string{"nr_blocks=1", "nr_inodes=2", "mode=755"}

func (s *Mask) emptyDir(e *Env) (int, error) {
	if s.Dir >= 0 {
		return take(e.Trees, s.Dir)
	}
	const attr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	data := MaskData
	if s.Label != "" {
		data = append(slices.Clip(data), "context="+s.Label)
	}
	return mount.New("tmpfs", "tmpfs", option.Options{Data: data}, attr)
}

// Finish gives the root filesystem its last flags.
type Finish struct {
	Readonly    bool
	Propagation uint64 // of the root mount: MS_SHARED or MS_UNBINDABLE, which can't be set before the pivot; 0: as it is
}

func (s *Finish) String() string { return "finish root filesystem" }

// Code carries the fields.
func (s *Finish) Code(c *wire.Codec) {
	c.Bool(&s.Readonly)
	c.Uint64(&s.Propagation)
}

// Run sets the flags.
func (s *Finish) Run(e *Env) error {
	if s.Readonly {
		if err := mount.SetAttr(e.Root.FD, unix.MOUNT_ATTR_RDONLY, 0, false); err != nil {
			return at("set root read-only", err)
		}
	}
	if s.Propagation == 0 {
		return nil
	}
	return at("set root propagation", mount.SetPropagation(e.Root.FD, s.Propagation, false))
}
