// Package step holds what builds a container's root filesystem: one
// type, one file, one job each.
//
// Whether a step is wanted, and with which values, was decided by package plan;
// a step only queues the calls that do it, which a first process or a stage makes in the container's
// namespaces. To a stage steps travel as bytes.
package step

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// A Step is one thing to do. Its String says what, in words fit for an error
// message and for a printed plan.
type Step interface {
	fmt.Stringer
	// Run does it, or queues the calls that do. Errors are kept by Env.K.
	Run(*Env)
	// Code carries the fields over the wire.
	Code(*wire.Codec)
}

// Env is what steps work on.
type Env struct {
	K     *calls.Kernel                 // makes the calls
	Root  rootfs.Root                   // the container's root, once [EnterRoot] has run
	Trees []Tree                        // detached mounts that the parent made, see [Source]
	First First                         // the first process
	Late  []calls.FD                    // descriptors for the first process, in the order the plan says
	PID   int                           // the first process, where another process makes the calls
	Pidfd int                           // the first process
	Ask   func(wire.Kind, ...int) error // has the parent do something
	Proc  proc.FS                       // a procfs of the host's pid namespace
	Arena *nsenter.Arena                // the first process's tape

	readonly          []calls.FD // mounts to be made read-only when all is set up
	maskFile, maskDir mask       // what hides a file, a directory
	sysctls           calls.FD   // of [OpenSysctls]
	sysctlsFS         calls.Statfs
	sysctlsDir        string // where they are below it: "", "sys/"
}

// A Tree is a mount that is there already.
type Tree struct {
	FD   calls.FD // none: it has been handed over
	Stat *unix.Statx_t
}

// Trees are mounts that are open under the numbers of a list, in the process that makes
// the calls.
func Trees(list []int) []Tree {
	trees := make([]Tree, len(list))
	for i, fd := range list {
		trees[i].FD = calls.Number(fd)
	}
	return trees
}

// NewEnv returns an Env without descriptors.
func NewEnv(k *calls.Kernel) *Env {
	return &Env{
		K: k, Root: rootfs.Root{K: k, FD: calls.None}, Proc: proc.FS{FD: -1}, First: First{Heard: true}, Pidfd: -1,
		maskFile: noMask, maskDir: noMask, sysctls: calls.None,
	}
}

// Close closes all descriptors that the steps have opened or been given, but those
// of the connections and processes that they were told of. Another process that makes the calls
// closes its own.
func (e *Env) Close() {
	if e.K.Remote() {
		return
	}
	for _, t := range e.Trees {
		e.K.Close(t.FD)
	}
	CloseAll(e.First.Mounts)
	for _, fd := range slices.Concat(e.Late, e.readonly, []calls.FD{e.Root.FD, e.maskFile.FD, e.maskDir.FD}) {
		e.K.Close(fd)
	}
	e.Late, e.readonly, e.Root.FD, e.maskFile, e.maskDir = nil, nil, calls.None, noMask, noMask
}

// CloseAll closes the descriptors of a list, in which -1 stands for one that has
// been handed over, as it does for all of them afterwards.
func CloseAll(list []int) {
	for i, fd := range list {
		if fd >= 0 {
			unix.Close(fd)
		}
		list[i] = -1
	}
}

// Code carries a list of steps: a number for the type of each, then its fields.
func Code(c *wire.Codec, steps *[]Step) {
	n := c.Len(len(*steps))
	if c.Reading() {
		*steps = make([]Step, n)
	}
	for i := range *steps {
		var kind uint32
		if !c.Reading() {
			kind = number((*steps)[i])
		}
		c.Uint32(&kind)
		if c.Reading() {
			if (*steps)[i] = fresh(kind); (*steps)[i] == nil {
				*steps = (*steps)[:i]
				c.Refuse(errUnknown)
				return
			}
		}
		(*steps)[i].Code(c)
	}
}

// errUnknown reports orders of another version of the runtime. A step left out
// would be a protection left out.
var errUnknown = errors.New("unknown step in orders")

// kinds has a zero value of every type of step; its order is the wire's.
var kinds = [...]func() Step{
	func() Step { return new(EnterRoot) },
	func() Step { return new(Mount) },
	func() Step { return new(Device) },
	func() Step { return new(BindDevice) },
	func() Step { return new(Link) },
	func() Step { return new(Console) },
	func() Step { return new(HostHooks) },
	func() Step { return new(ContainerHooks) },
	func() Step { return new(Pivot) },
	func() Step { return new(MoveRoot) },
	func() Step { return new(Sysctl) },
	func() Step { return new(Readonly) },
	func() Step { return new(Mask) },
	func() Step { return new(Finish) },
	func() Step { return new(Home) },
	func() Step { return new(KeepRoot) },
	func() Step { return new(Cwd) },
	func() Step { return new(UseRoot) },
	func() Step { return new(NetDevices) },
	func() Step { return new(LateReadonly) },
	func() Step { return new(OpenSysctls) },
}

func fresh(kind uint32) Step {
	if int(kind) >= len(kinds) {
		return nil
	}
	return kinds[kind]()
}

func number(s Step) uint32 {
	switch s.(type) {
	case *EnterRoot:
		return 0
	case *Mount:
		return 1
	case *Device:
		return 2
	case *BindDevice:
		return 3
	case *Link:
		return 4
	case *Console:
		return 5
	case *HostHooks:
		return 6
	case *ContainerHooks:
		return 7
	case *Pivot:
		return 8
	case *MoveRoot:
		return 9
	case *Sysctl:
		return 10
	case *Readonly:
		return 11
	case *Mask:
		return 12
	case *Finish:
		return 13
	case *Home:
		return 14
	case *KeepRoot:
		return 15
	case *Cwd:
		return 16
	case *UseRoot:
		return 17
	case *NetDevices:
		return 18
	case *LateReadonly:
		return 19
	case *OpenSysctls:
		return 20
	}
	panic(fmt.Sprintf("step %T has no number", s))
}

// at is the error of a system call by name.
func at(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", call, err)
}

// take hands tree i over: the caller owns it now.
func (e *Env) take(label string, i int) Tree {
	if i < 0 || i >= len(e.Trees) || e.Trees[i].FD.None() {
		e.K.Fail(label, fmt.Errorf("mount source %d: %w", i, unix.EBADF))
		return Tree{FD: calls.None}
	}
	t := e.Trees[i]
	e.Trees[i].FD = calls.None
	return t
}

// look says what a tree's root is.
func (e *Env) look(t Tree) *unix.Statx_t {
	if t.Stat != nil {
		return t.Stat
	}
	st, err := e.K.Look("", t.FD)
	e.K.Keep(err)
	return st
}

// ask has the parent do something, after all that has been queued.
func (e *Env) ask(k wire.Kind, fds ...int) {
	if e.K.Flush() == nil {
		e.K.Keep(e.Ask(k, fds...))
	}
}
