// Package step holds what builds a container's root filesystem: one
// type, one file, one job each.
//
// Whether a step is wanted, and with which values, was decided by package plan;
// a step only queues the calls that do it, which the container's first process makes in its
// namespaces.
package step

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/nsenter"
)

// A Step is one thing to do. Its String says what, in words fit for an error
// message and for a printed plan.
type Step interface {
	fmt.Stringer
	// Run does it, or queues the calls that do. Errors are kept by Env.K.
	Run(*Env)
}

// Env is what steps work on.
type Env struct {
	K        *calls.Kernel  // makes the calls
	Root     rootfs.Root    // the container's root, once [EnterRoot] has run
	Trees    []Tree         // detached mounts that the runtime made, see [Source]
	Late     []calls.FD     // descriptors for the first process, in the order the plan says
	Host     Runtime        // does what takes the host's namespaces
	Arena    *nsenter.Arena // the first process's tape
	Contexts []calls.FD     // file systems without a mount that others have made

	readonly          []calls.FD // mounts to be made read-only when all is set up
	maskFile, maskDir mask       // what hides a file, a directory
	sysctls           calls.FD   // of [OpenSysctls]
	sysctlsFS         calls.Statfs
	sysctlsDir        string // where they are below it: "", "sys/"
}

// Runtime is what a step has the runtime do, on the host.
type Runtime interface {
	HostHooks() error // run prestart and createRuntime hooks
	ContainerHooks(*ContainerHooks) error
	NetDevices() error        // move network devices
	Console(master int) error // hand on a terminal's master, which stays the caller's
	MapIDs(tree int) error    // map the ids of the next mount that is to have others
}

// A Tree is a mount that is there already.
type Tree struct {
	FD   calls.FD // none: it has been handed over
	Stat *unix.Statx_t
}

// NewEnv returns an Env without descriptors.
func NewEnv(k *calls.Kernel) *Env {
	return &Env{
		K: k, Root: rootfs.Root{K: k, FD: calls.None},
		maskFile: noMask, maskDir: noMask, sysctls: calls.None,
	}
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

// takeContext hands file system i over.
func (e *Env) takeContext(i int) (fd calls.FD) {
	if i < 0 || i >= len(e.Contexts) || e.Contexts[i].None() {
		e.K.Fail("", fmt.Errorf("file system %d: %w", i, unix.EBADF))
		return calls.None
	}
	fd, e.Contexts[i] = e.Contexts[i], calls.None
	return fd
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

// ask has the runtime do something, after all that has been queued.
func (e *Env) ask(do func() error) {
	if e.K.Flush() == nil {
		e.K.Keep(do())
	}
}
