package step

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/proc"
)

// From tells where the mount of a [Mount] comes from.
type From int

// The origins of a mount.
const (
	FromNew     From = iota // a new instance, made in its turn
	FromTree                // made outside of the container's namespaces by the runtime, see [Source]
	FromThere               // a new procfs that only a process in the container's pid namespace can make, without a mount of it
	FromContext             // a new instance that the runtime has made, without a mount of it
	FromMount               // nothing new: change the flags of what is mounted there
	FromRoot                // a clone of something in the container's root, made in its turn, see [Mount.Tree]
)

// Mount puts one mount in its place.
type Mount struct {
	Target string // inside the container
	Number
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

// Run makes the mount if it is a new one and attaches it.
func (s *Mount) Run(e *Env) {
	k := e.K
	if s.From == FromMount {
		s.remount(e)
		return
	}
	tree := s.detached(e)
	mode := s.Mode && e.exists(s.Target)
	target := s.target(e, tree)
	defer k.Close(target)
	if !tree.FD.None() && mode {
		takeMode(k, target, tree.FD)
	}
	if tree.FD.None() && k.Err() == nil {
		tree.FD = s.fresh(e, target, mode)
	}
	setLabel(k, tree.FD, s.Label)
	mount.Attach(k, "attach", tree.FD, target)
	_, after := splitPropagation(s.Options.Propagation)
	for _, p := range after {
		mount.SetPropagation(k, "set propagation", tree.FD, p.Type, p.Recursive)
	}
	if s.Later && k.Err() == nil {
		e.readonly = append(e.readonly, tree.FD)
		return
	}
	k.Close(tree.FD)
}

// exists tells whether there is something at a path.
func (e *Env) exists(path string) bool {
	fd, err := e.Root.Lookup(path)
	if err == nil {
		e.K.Close(fd)
	}
	return err == nil
}

// detached is the tree that exists already, or none.
func (s *Mount) detached(e *Env) Tree {
	switch s.From {
	case FromTree:
		return e.take("", s.Index)
	case FromContext:
		return s.ofContext(e, e.take("", s.Index).FD)
	case FromRoot:
		return s.inside(e)
	case FromThere:
		return s.ofContext(e, e.takeContext(s.Index))
	}
	return Tree{FD: calls.None}
}

// ofContext makes the mount of an instance that is there. It is made no sooner,
// because the order in which the kernel lists mounts is that of their making.
func (s *Mount) ofContext(e *Env, fs calls.FD) Tree {
	defer e.K.Close(fs)
	tree := mount.FromContext(e.K, s.Kind, fs, s.First())
	s.more(e.K, tree)
	return Tree{FD: tree, Stat: &directory}
}

// directory is what the root of a new file system is.
var directory = unix.Statx_t{Mode: unix.S_IFDIR}

// errInsideProc has runc's text.
type errInsideProc string

func (p errInsideProc) Error() string {
	return fmt.Sprintf("%q cannot be mounted because it is inside /proc", string(p))
}

// target opens the mount point, made where missing: a directory, or a file for
// a tree that is one.
func (s *Mount) target(e *Env, tree Tree) calls.FD {
	if s.Kind == "proc" || s.Kind == "sysfs" {
		// Programs would take what a link or a file leads to for the kernel's word
		// (CVE-2019-19921, CVE-2023-27561).
		e.Root.OrdinaryDir(s.Target, fmt.Errorf("filesystem %q must be mounted on ordinary directory", s.Kind))
	}
	open := e.Root.Dir
	if !tree.FD.None() && e.look(tree).Mode&unix.S_IFMT != unix.S_IFDIR {
		open = e.Root.File
	}
	fd := open(s.Target)
	s.checkProc(e, fd, tree.FD)
	return fd
}

// checkProc keeps mounts off the container's procfs: a fake file there makes
// programs write secrets and labels to the wrong place (CVE-2019-16884). What
// lxcfs covers is allowed, and on /proc itself nothing but a procfs.
func (s *Mount) checkProc(e *Env, target, tree calls.FD) {
	k, clean := e.K, path.Clean("/"+s.Target)
	refused := func(unix.Errno) error { return calls.Whole(errInsideProc(s.Target)) }
	if clean == "/proc" && s.Kind != "proc" {
		if tree.None() {
			k.Fail("", errInsideProc(s.Target))
			return
		}
		fs, _ := k.Fstatfs("", tree)
		st, _ := k.Stat("", tree)
		k.Require("", fs.Type(), ^uint32(0), unix.PROC_SUPER_MAGIC, unix.EPERM).Else(refused)
		k.Require("", st.InoLow(), ^uint32(0), proc.RootIno, unix.EPERM).Else(refused)
		return
	}
	fs, _ := k.Fstatfs("", target)
	k.Refuse("", fs.Type(), ^uint32(0), unix.PROC_SUPER_MAGIC, unix.EPERM).Else(func(e1 unix.Errno) error {
		on, err := k.Look("", target)
		if err != nil || s.Kind == "proc" && on.Ino == proc.RootIno {
			return err
		}
		plain, err := e.Root.LookupPlain(clean)
		if err != nil {
			return refused(e1)
		}
		defer k.Close(plain)
		if !option.MayCoverProc(clean) {
			return refused(e1)
		}
		return k.Try(func() { e.sameFile(plain, on) })
	})
}

// fresh makes a new instance of the file system.
func (s *Mount) fresh(e *Env, target calls.FD, mode bool) (tree calls.FD) {
	k, o := e.K, s.Options
	if mode {
		st, err := k.Look("", target)
		if err != nil {
			k.Keep(err)
			return calls.None
		}
		o.Data = append(append([]string(nil), o.Data...), fmt.Sprintf("mode=%o", st.Mode&0o7777))
	}
	make := func() {
		if s.Staging != "" && mount.TooLong(s.Source, o) {
			tree = mount.Legacy(k, s.Kind, s.Source, s.Staging, o, s.First())
		} else {
			tree = mount.New(k, s.Kind, s.Source, o, s.First())
		}
	}
	if s.Fallback < 0 {
		make()
	} else if err := k.Try(make); errors.Is(err, unix.EPERM) {
		return e.take("", s.Fallback).FD
	} else if err != nil {
		k.Keep(err)
		return calls.None
	}
	if o.CopyUp && k.Flush() == nil {
		k.Keep(copyUp(k, target, tree))
	}
	s.more(k, tree)
	return tree
}

// First are the flags that a new mount is made with.
func (s *Mount) First() uint64 {
	if s.Later {
		return s.Attr &^ unix.MOUNT_ATTR_RDONLY
	}
	return s.Attr
}

// FirstBelow are the recursive flags that it is made with. Nothing is mounted below it then.
func (s *Mount) FirstBelow() option.Attr {
	a := s.Options.RecAttr
	if s.Later {
		a.Set &^= unix.MOUNT_ATTR_RDONLY
	}
	return a
}

// more sets what a new mount can't be made with.
func (s *Mount) more(k *calls.Kernel, tree calls.FD) {
	below := s.FirstBelow()
	mount.SetAttr(k, "", tree, below.Set, below.Clear, true)
	before, _ := splitPropagation(s.Options.Propagation)
	for _, p := range before {
		mount.SetPropagation(k, "", tree, p.Type, p.Recursive)
	}
}

// takeMode gives a file system that was made beforehand the mode of the
// directory it will cover.
func takeMode(k *calls.Kernel, target, tree calls.FD) {
	st, _ := k.Stat("set mode", target)
	dir := k.Openat("set mode", tree, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0).FD()
	k.Fchmod("set mode", dir, st.Mode())
	k.Close(dir)
}
