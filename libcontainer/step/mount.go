package step

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// From tells where the mount of a [Mount] comes from.
type From int

// The origins of a mount.
const (
	FromNew     From = iota // a new instance, made by the builder
	FromTree                // made outside of the container's namespaces by the parent, see [Source]
	FromFirst               // a new instance that only a process in the container's pid or cgroup namespace can make, without a mount of it
	FromContext             // a new instance that the parent has made, without a mount of it
	FromMount               // nothing new: change the flags of what is mounted there
	FromRoot                // a clone of something in the container's root, made in its turn, see [Mount.Tree]
)

// Mount puts one mount in its place.
type Mount struct {
	Target  string // inside the container
	From    From
	Index   int    // of the tree, or of the first process's mount
	Kind    string // file system, for New and for checks
	Source  string // as in the configuration
	Options option.Options
	Attr    uint64 // MOUNT_ATTR_* flags of the new mount
	Staging string // a host directory for mounts that need mount(2)

	Fallback int    // a tree to use where the kernel refuses a new instance (EPERM); -1: none
	Mode     bool   // a tmpfs without mode=: take it from the directory it covers; where that is missing it is the kernel's, 1777
	Later    bool   // read-only only when everything is set up
	Label    string // SELinux label of the root directory of a new instance, where that is no option; "": the policy's
	Flags    Flags  // FromMount: how Options.Attr is meant
	Tree     Source // FromRoot: the clone, its path inside the container
}

func (s *Mount) String() string {
	what := s.Kind
	switch {
	case (s.From == FromTree || s.From == FromRoot) && s.Source != "":
		what = s.Source
	case what == "":
		what = "flags"
	}
	return "mount " + what + " at " + s.Target
}

// Code carries the fields.
func (s *Mount) Code(c *wire.Codec) {
	from := int(s.From)
	c.String(&s.Target)
	c.Int(&from)
	s.From = From(from)
	c.Int(&s.Index)
	c.String(&s.Kind)
	c.String(&s.Source)
	codeOptions(c, &s.Options)
	c.Uint64(&s.Attr)
	c.String(&s.Staging)
	c.Int(&s.Fallback)
	c.Bool(&s.Mode)
	c.Bool(&s.Later)
	c.String(&s.Label)
	remount, inside := s.Flags.Field != "", s.Tree.What != "" // few mounts have either
	if c.Bool(&remount); remount {
		codeFlags(c, &s.Flags)
	}
	if c.Bool(&inside); inside {
		codeSource(c, &s.Tree)
	}
}

func codeOptions(c *wire.Codec, o *option.Options) {
	codeAttr(c, &o.Attr)
	codeAttr(c, &o.RecAttr)
	codePropagation(c, &o.Propagation)
	c.Strings(&o.Superblock)
	c.Bool(&o.Silent)
	c.Bool(&o.IVersion)
	c.Bool(&o.CopyUp)
	c.Strings(&o.Data)
}

func codeAttr(c *wire.Codec, a *option.Attr) {
	c.Uint64(&a.Set)
	c.Uint64(&a.Clear)
}

func codePropagation(c *wire.Codec, p *[]option.Propagation) {
	wire.List(c, p, func(c *wire.Codec, p *option.Propagation) {
		c.Uint64(&p.Type)
		c.Bool(&p.Recursive)
	})
}

// Run makes the mount if it is a new one and attaches it.
func (s *Mount) Run(e *Env) error {
	if s.From == FromMount {
		return s.remount(e)
	}
	tree, err := s.detached(e)
	if err != nil {
		return err
	}
	mode := s.Mode && e.exists(s.Target)
	target, err := s.target(e, tree)
	if err != nil {
		closeIf(tree)
		return err
	}
	defer unix.Close(target)
	if tree >= 0 && mode {
		if err := takeMode(target, tree); err != nil {
			unix.Close(tree)
			return at("set mode", err)
		}
	}
	if tree < 0 {
		if tree, err = s.fresh(target, mode); errors.Is(err, unix.EPERM) && s.Fallback >= 0 {
			tree, err = take(e.Trees, s.Fallback)
		}
		if err != nil {
			return err
		}
	}
	err = setLabel(tree, s.Label)
	if err == nil {
		err = at("attach", mount.Attach(tree, target))
	}
	if err != nil {
		unix.Close(tree)
		return err
	}
	if s.Later {
		e.readonly = append(e.readonly, tree)
		return nil
	}
	unix.Close(tree)
	return nil
}

// exists tells whether there is something at a path.
func (e *Env) exists(path string) bool {
	fd, err := e.Root.Lookup(path)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

func closeIf(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}

// detached is the tree that exists already, or -1.
func (s *Mount) detached(e *Env) (int, error) {
	switch s.From {
	case FromTree:
		return take(e.Trees, s.Index)
	case FromContext:
		return s.ofContext(take(e.Trees, s.Index))
	case FromRoot:
		return s.inside(e)
	case FromFirst:
		return s.ofContext(e.First.take(s.Index))
	}
	return -1, nil
}

// ofContext makes the mount of an instance that is there. It is made no sooner,
// because the order in which the kernel lists mounts is that of their making.
func (s *Mount) ofContext(fs int, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	tree, err := mount.FromContext(fs, s.First())
	if err != nil {
		return -1, err
	}
	if err := s.more(tree); err != nil {
		unix.Close(tree)
		return -1, err
	}
	return tree, nil
}

// errInsideProc has runc's text.
type errInsideProc string

func (p errInsideProc) Error() string {
	return fmt.Sprintf("%q cannot be mounted because it is inside /proc", string(p))
}

// target opens the mount point, made where missing: a directory, or a file for
// a tree that is one.
func (s *Mount) target(e *Env, tree int) (int, error) {
	file := false
	if tree >= 0 {
		var st unix.Stat_t
		if err := unix.Fstat(tree, &st); err != nil {
			return -1, err
		}
		file = st.Mode&unix.S_IFMT != unix.S_IFDIR
	}
	if s.Kind == "proc" || s.Kind == "sysfs" {
		if err := e.ordinaryDirectory(s.Target, s.Kind); err != nil {
			return -1, err
		}
	}
	open := e.Root.Dir
	if file {
		open = e.Root.File
	}
	fd, err := open(s.Target)
	if err != nil {
		return -1, err
	}
	if err := s.checkProc(e, fd, tree); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// ordinaryDirectory refuses an image in which /proc or /sys is a link or a
// file: programs would take what it leads to for the kernel's word
// (CVE-2019-19921, CVE-2023-27561).
func (e *Env) ordinaryDirectory(target, kind string) error {
	fd, err := e.Root.LookupNoFollow(target)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return fmt.Errorf("filesystem %q must be mounted on ordinary directory", kind)
	}
	return nil
}

// checkProc keeps mounts off the container's procfs: a fake file there makes
// programs write secrets and labels to the wrong place (CVE-2019-16884). What
// lxcfs covers is allowed, and on /proc itself nothing but a procfs.
func (s *Mount) checkProc(e *Env, target, tree int) error {
	clean := path.Clean("/" + s.Target)
	if clean == "/proc" && s.Kind != "proc" {
		if tree < 0 || proc.Verify(tree) != nil {
			return errInsideProc(s.Target)
		}
		return nil
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(target, &fs); err != nil {
		return err
	}
	if fs.Type != unix.PROC_SUPER_MAGIC || s.Kind == "proc" && proc.Verify(target) == nil {
		return nil
	}
	plain, err := e.Root.LookupPlain(clean)
	if err != nil || !option.MayCoverProc(clean) {
		closeIf(plain)
		return errInsideProc(s.Target)
	}
	defer unix.Close(plain)
	return sameFile(plain, target)
}

// fresh makes a new instance of the file system.
func (s *Mount) fresh(target int, mode bool) (int, error) {
	o := s.Options
	if mode {
		var st unix.Stat_t
		if err := unix.Fstat(target, &st); err != nil {
			return -1, err
		}
		o.Data = append(append([]string(nil), o.Data...), fmt.Sprintf("mode=%o", st.Mode&0o7777))
	}
	attr := s.First()
	tree, err := mount.New(s.Kind, s.Source, o, attr)
	var long *mount.ErrTooLong
	if errors.As(err, &long) && s.Staging != "" {
		tree, err = mount.Legacy(s.Kind, s.Source, s.Staging, o, attr)
	}
	if err != nil {
		return -1, err
	}
	if o.CopyUp {
		err = copyUp(target, tree)
	}
	if err == nil {
		err = s.more(tree)
	}
	if err != nil {
		unix.Close(tree)
		return -1, err
	}
	return tree, nil
}

// First are the flags that a new mount is made with.
func (s *Mount) First() uint64 {
	if s.Later {
		return s.Attr &^ unix.MOUNT_ATTR_RDONLY
	}
	return s.Attr
}

// more sets what a new mount can't be made with.
func (s *Mount) more(tree int) error {
	err := mount.SetAttr(tree, s.Options.RecAttr.Set, s.Options.RecAttr.Clear, true)
	for _, p := range s.Options.Propagation {
		if err == nil {
			err = mount.SetPropagation(tree, p.Type, p.Recursive)
		}
	}
	return err
}

// takeMode gives a file system that was made beforehand the mode of the
// directory it will cover.
func takeMode(target, tree int) error {
	var st unix.Stat_t
	if err := unix.Fstat(target, &st); err != nil {
		return err
	}
	dir, err := unix.Openat(tree, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return unix.Fchmod(dir, st.Mode&0o7777)
}
