package step

import (
	"fmt"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/proc"
)

// Sysctl sets a kernel parameter of one of the container's namespaces, below a procfs that is
// verified (CVE-2025-52881), see [OpenSysctls].
type Sysctl struct {
	Path  string // below /proc/sys
	Value string
}

func (s *Sysctl) String() string { return "set sysctl " + s.Path }

// Run writes it.
func (s *Sysctl) Run(e *Env) {
	how := &unix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	e.K.Require("", e.sysctlsFS.Type(), ^uint32(0), unix.PROC_SUPER_MAGIC, unix.ENOENT).Else(func(unix.Errno) error { return proc.ErrNotProc })
	fd := e.K.Openat2("open /proc/sys/"+s.Path, e.sysctls, e.sysctlsDir+s.Path, how).FD()
	// Of more than a page the kernel takes a part, up to where an element of a list ends, and
	// wants the rest at the file's new position. What it says of less than a page doesn't count.
	const page, most = 4096, 4 * 4096
	for rest := s.Value; ; {
		write := e.K.Write(fmt.Sprintf("write %.200q to /proc/sys/%s", rest, s.Path), fd, rest[:min(len(rest), most)])
		if len(rest) < page {
			break
		}
		n, err := write.Now()
		if err == nil && n <= 0 {
			err = fmt.Errorf("%.200q: %w", rest, io.ErrShortWrite)
		}
		if e.K.Keep(err); err != nil || n >= len(rest) {
			break
		}
		rest = rest[n:]
	}
	e.K.Close(fd)
}

// OpenSysctls has a first process that makes the calls itself keep the files of kernel parameters, for after the
// pivot there may be no procfs to be trusted. It comes before every [Sysctl], and before what moves the root.
type OpenSysctls struct {
	From SysctlsFrom
	Tree int // SysctlsTree: the clone
}

// SysctlsFrom tells which procfs the files of [OpenSysctls] are of. Any shows what belongs to the namespaces of who opens a file.
type SysctlsFrom int

// The origins of the files of kernel parameters.
const (
	SysctlsNew   SysctlsFrom = iota // a new procfs, over which nothing is mounted; it takes a pid namespace that is the user namespace's, and is refused in one where the host's is covered
	SysctlsClone                    // a clone of the host's
	SysctlsTree                     // a clone of the host's that the runtime has made, because another's mount namespace was joined
	SysctlsPlain                    // the host's itself, in whose mount namespace a new user namespace lets nobody make a mount
)

func (*OpenSysctls) String() string { return "open kernel parameters" }

// Run opens them.
func (s *OpenSysctls) Run(e *Env) {
	switch s.From {
	case SysctlsClone:
		e.sysctls = mount.Clone(e.K, "clone /proc/sys", calls.At, "/proc/sys", true).FD()
	case SysctlsTree:
		e.sysctls = e.take("", s.Tree).FD
	case SysctlsPlain:
		e.sysctls = e.K.Openat("open /proc/sys", calls.At, "/proc/sys", unix.O_PATH|unix.O_DIRECTORY, 0).FD()
	case SysctlsNew:
		const attr = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
		e.sysctls, e.sysctlsDir = mount.New(e.K, "proc", "proc", option.Options{}, attr), "sys/"
	}
	e.sysctlsFS, _ = e.K.Fstatfs("", e.sysctls)
}

// LateReadonly makes those mounts read-only that had to stay writable while they were
// filled. It comes before paths are protected: what is mounted below such a path is
// cloned with the flags that it has.
type LateReadonly struct{}

func (*LateReadonly) String() string { return "make mounts read-only" }

// Run sets the flag.
func (*LateReadonly) Run(e *Env) {
	for _, fd := range e.readonly {
		mount.SetAttr(e.K, "set read-only", fd, unix.MOUNT_ATTR_RDONLY, 0, false)
		e.K.Close(fd)
	}
	e.readonly = nil
}

// Readonly makes a path of the container read-only; what is mounted below keeps
// its flags, as with runc. A path that isn't there needs no protection.
type Readonly struct{ Path string }

func (s *Readonly) String() string { return "make " + s.Path + " read-only" }

// Run binds the path onto itself.
func (s *Readonly) Run(e *Env) {
	k := e.K
	open := e.openProtected(s.Path)
	open.Skipping(unix.ENOENT, func() {
		target := open.FD()
		tree := mount.Clone(k, "clone", target, "", true).FD()
		mount.SetAttr(k, "set read-only", tree, unix.MOUNT_ATTR_RDONLY, 0, false)
		mount.Attach(k, "attach", tree, target)
		k.Close(tree)
		k.Close(target)
	})
}

// openProtected opens a path that is to be protected. One that leads to what the process itself has open (/dev/stdin) isn't
// there for others.
func (e *Env) openProtected(path string) *calls.Call {
	return e.Root.Open(path).Else(func(err unix.Errno) error {
		if err == unix.ELOOP && e.Root.Magic(path) {
			return unix.ENOENT
		}
		return err
	})
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

// Run attaches the mask. All masks of one kind are clones of the first: a
// superblock for each made nodes slow (kubernetes#138512).
func (s *Mask) Run(e *Env) {
	k := e.K
	if k.Remote() && e.maskDir.None() { // below it must be there whichever it is
		e.maskDir = mask{s.emptyDir(e)}
	}
	open := e.openProtected(s.Path)
	open.Skipping(unix.ENOENT, func() {
		target := open.FD()
		attach := func(m *mask) {
			tree := m.clone(k)
			mount.Attach(k, "attach", tree, target)
			k.Close(tree)
		}
		st, _ := k.Stat("", target)
		k.If(st.Mode(), unix.S_IFMT, unix.S_IFDIR, func() {
			if e.maskDir.None() {
				e.maskDir = mask{s.emptyDir(e)}
			}
			attach(&e.maskDir)
		}, func() {
			if e.maskFile.None() {
				e.maskFile = mask{e.take("make mask", s.Null).FD}
			}
			attach(&e.maskFile)
		})
		k.Close(target)
	})
}

// MaskData are the options of the tmpfs that hides directories, but for its label.
var MaskData = []string{"nr_blocks=1", "nr_inodes=2", "mode=755"}

// MaskAttr are the flags of its mount.
const MaskAttr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// A mask is a mount of which masks are clones.
type mask struct{ calls.FD }

var noMask = mask{calls.None}

// clone is a clone of the mask. Before Linux 6.15 a detached mount can't be
// cloned: then the first one is the mask itself, which can be when it is attached.
func (m *mask) clone(k *calls.Kernel) calls.FD {
	return k.OpenTree("make mask", m.FD, "", unix.OPEN_TREE_CLONE).Instead(unix.EINVAL, func() *calls.Call {
		return k.Call("make mask", unix.SYS_FCNTL, m.FD.Arg(), calls.Int(unix.F_DUPFD_CLOEXEC), calls.Int(0))
	}).FD()
}

func (s *Mask) emptyDir(e *Env) calls.FD {
	if s.Dir >= 0 {
		return e.take("make mask", s.Dir).FD
	}
	data := MaskData
	if s.Label != "" {
		data = append(slices.Clip(data), "context="+s.Label)
	}
	return mount.New(e.K, "tmpfs", "tmpfs", option.Options{Data: data}, MaskAttr)
}

// Finish gives the root filesystem its last flags.
type Finish struct {
	Readonly    bool
	Propagation uint64 // MS_SHARED or MS_UNBINDABLE, which can't be set before the pivot; 0: as it is
	Recursive   bool   // it is all mounts', and not the root's alone
}

func (s *Finish) String() string { return "finish root filesystem" }

// Run sets the flags.
func (s *Finish) Run(e *Env) {
	if s.Readonly {
		mount.SetAttr(e.K, "set root read-only", e.Root.FD, unix.MOUNT_ATTR_RDONLY, 0, false)
	}
	if s.Propagation != 0 {
		mount.SetPropagation(e.K, "set root propagation", e.Root.FD, s.Propagation, s.Recursive)
	}
}
