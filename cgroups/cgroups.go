// Package cgroups says where a container's cgroups are and what can be done
// with them. [Detect] reads the layout of the host once, [Layout.Locate] decides
// from that value alone which directories a container gets, and a [Manager]
// (packages v1 and v2, chosen by package choose) makes, fills, freezes, kills
// and removes them.
//
// Three layouts are known: pure v2, pure v1 with any number of hierarchies, and
// the hybrid of both, in which a v2 tree stands beside the v1 ones and may hold
// controllers of its own.
package cgroups

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Mode is the kind of cgroup layout a host has.
type Mode int

const (
	// None is a host without a cgroup mount.
	None Mode = iota
	// Unified is a host whose /sys/fs/cgroup is a cgroup2 mount.
	Unified
	// Legacy is a host with cgroup v1 mounts only.
	Legacy
	// Hybrid is a host with cgroup v1 mounts and cgroup2 on /sys/fs/cgroup/unified.
	Hybrid
)

// String names the mode as it is printed by [Layout.String].
func (m Mode) String() string {
	switch m {
	case Unified:
		return "unified"
	case Legacy:
		return "legacy"
	case Hybrid:
		return "hybrid"
	}
	return "none"
}

// ErrFrozen is the cause of a Make that found its cgroup frozen, by itself or
// by a parent: a process born there would never run. The text is runc's.
var ErrFrozen = errors.New("container's cgroup unexpectedly frozen")

// Location says which directory a container has in each hierarchy: a controller
// name, "name=systemd" and its like, or "" for the unified hierarchy, mapped to
// an absolute directory. It is what state.json stores as cgroup_paths.
type Location map[string]string

// String lists the location sorted by controller, one "controller=directory" per field.
func (l Location) String() string {
	fields := make([]string, 0, len(l))
	for _, c := range slices.Sorted(maps.Keys(l)) {
		fields = append(fields, c+"="+l[c])
	}
	return strings.Join(fields, " ")
}

// Manager has all to do with the cgroups of one container. Who uses one asks for the role that he
// needs. What a method is for is said here; those of packages v1, v2 and systemd say how.
type Manager interface {
	Place
	Processes
	Meter
}

// Place is where a container's processes are and what they may have there.
type Place interface {
	// Location returns the directories the manager works on.
	Location() Location

	// Make makes every directory that is missing, writes the limits of r and
	// applies its device rules (a nil r still denies all devices but the default
	// ones). An existing cgroup is taken over if it holds no process and isn't
	// frozen. After an error everything that this call made is removed again.
	// Controllers it enabled in parents of a v2 cgroup stay enabled.
	//
	// An error that wraps device.ErrAttach means that the kernel refused the
	// device program (a user namespace, no CAP_BPF); a caller that may live
	// without it calls again with rules that allow everything.
	Make(r *specs.LinuxResources) error

	// Foresee says what Make would do, and does nothing. It fails where Make would before it changes anything.
	Foresee(r *specs.LinuxResources) (*Forecast, error)

	// Protect attaches the device program of the cgroup v2 that Make made, which
	// takes long enough to be done while a process is being born there. It must
	// come before anything of the container's runs. An error doesn't undo Make.
	Protect() error

	// Born is told that the container's first process is in the cgroups that Make
	// made, and completes what had to wait for that.
	Born() error

	// Entry opens what a process needs to enter the cgroups.
	Entry() (*Entry, error)

	// Delegate gives the v2 cgroup that Make made to a user and a group of the host:
	// the directory and the files that the kernel lists in
	// /sys/kernel/cgroup/delegate. The limits aren't among them. cgroup v1 has no
	// safe delegation: nothing is done there.
	//
	// The group gets no right by it, but has to be one of the container's user
	// namespace: root of that may enter the cgroup only if both owners are.
	Delegate(uid, gid int) error

	// Set writes the limits that r asks for to the cgroups of a container that
	// may run or be frozen, and leaves all others as they are: r is what [Change]
	// returns, old is all that was in force so far, for what the kernel doesn't
	// tell. Values that depend on each other are written in an order that the
	// kernel takes, whether they grow or shrink. Device rules, if r has any, are the
	// whole list that replaces the one in force; nothing is permitted meanwhile
	// that neither allows. After an error everything is as it was, or the error
	// says what isn't. A controller that the cgroup doesn't have is an error that
	// names the field, unless r takes a limit away.
	//
	// Only the files of this cgroup are touched, so the cost doesn't depend on
	// what else is on the host. The same holds for a [Meter].
	Set(r, old *specs.LinuxResources) error

	// Destroy removes the cgroup and all below it. It waits, up to ten seconds,
	// for processes that are dying; an error names a process that holds it.
	// Directories above, though Make may have made them, stay as in runc. One
	// that is gone already is no error.
	Destroy() error
}

// Unit is a [Place] that systemd makes, and where it has a say in who comes there.
type Unit interface {
	// MustAdmit tells whether a process that is to clone others into the place has to
	// be let in before, or that this can't be said.
	MustAdmit() bool

	// Admit lets it in, if it has to.
	Admit(pid int) error
}

// Processes are those of the container, as far as they can be reached without their ids. A cgroup
// that is gone has none.
type Processes interface {
	// Pids lists the processes of the cgroup, and with recursive those of the
	// cgroups below it, each once.
	Pids(recursive bool) ([]int, error)
	// CheckEmpty is an error if cgroups of the container are there and processes are in them.
	CheckEmpty() error

	// Frozen tells whether the cgroup itself was frozen. A frozen parent doesn't count.
	Frozen() (bool, error)

	// FrozenBy returns the directory of the cgroup that keeps the processes
	// frozen: this one or, when it isn't frozen itself, one above it. It is ""
	// if they aren't.
	FrozenBy() (string, error)

	// Freeze stops every process and returns when all have stopped. When that
	// takes longer than the timeout, it thaws them again and returns an error
	// that wraps unix.ETIMEDOUT; so it does once stop says something, which is the error then. A nil stop never does.
	Freeze(timeout time.Duration, stop func() error) error

	// Thaw lets the processes run again.
	Thaw() error

	// Signal sends a signal to every process that is in the cgroup and below now.
	// Those that are frozen get it when they are thawed, of v2 SIGKILL at once.
	Signal(sig unix.Signal) error

	// Kill sends SIGKILL to every process in the cgroup and below, thawing it if
	// it is frozen. It doesn't wait for them to die; Destroy does.
	Kill() error
}

// Meter reads what the container uses. A controller that it doesn't have, or a cgroup that is gone,
// leaves zeros.
type Meter interface {
	// Stats reads all that there is.
	Stats() (*Stats, error)

	// OOMKills returns how many processes the kernel killed here for want of memory.
	OOMKills() (uint64, error)

	// WatchOOM begins to watch for processes that the kernel kills here for want of
	// memory. It fails with an error that wraps unix.ENOENT without the memory
	// controller.
	WatchOOM() (*OOMWatch, error)
}

// Entry holds the descriptors through which a process enters a container's
// cgroups. All are close-on-exec. On a hybrid host both kinds are set.
type Entry struct {
	// Unified is the v2 directory for clone3's CLONE_INTO_CGROUP, or -1.
	Unified int
	// Tasks are v1 tasks files, one per hierarchy: the process that enters
	// writes "0" to each.
	Tasks []int
}

// Detach replaces the v2 directory by a clone of its mount that is attached nowhere
// and read-only. CLONE_INTO_CGROUP takes it, and who takes the descriptor from the
// process that is born by it comes no further: ".." stops there. Who may not make
// mounts keeps the directory as it is.
func (e *Entry) Detach() error {
	if e.Unified < 0 {
		return nil
	}
	fd, err := unix.OpenTree(e.Unified, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err == unix.EPERM {
		return nil
	}
	if err == nil {
		if err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return fmt.Errorf("clone mount of cgroup: %w", err)
	}
	unix.Close(e.Unified)
	e.Unified = fd
	return nil
}

// Close closes every descriptor of the entry. It can be called twice.
func (e *Entry) Close() {
	if e.Unified >= 0 {
		unix.Close(e.Unified)
	}
	for _, fd := range e.Tasks {
		unix.Close(fd)
	}
	e.Unified, e.Tasks = -1, nil
}
