package plan

import (
	"slices"

	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/nsenter"
)

// Title is what ps(1) shows in short of the player and of the first process
// until it runs the user's program.
const Title = "rung:init"

// Orders are what has to be known to start the player and to have the first process build.
type Orders struct {
	Clone    uint64       // CLONE_NEW* flags of the first process; where others see it, of the builder, which makes them itself
	Pid      nsenter.Slot // takes the pid of the first process
	Builder  nsenter.Slot // takes the pid of who builds in its place; 0: nobody does
	Helper   nsenter.Slot // takes the pid of the fork that a player in Go has in its place
	Sock     nsenter.Slot // the socket to the runtime of who builds
	Unified  nsenter.Slot // takes the v2 cgroup that it is born in, to be closed again
	Preserve int          // descriptors from 3 on that belong to the container
	// CloneArgs is where the tape's clone arguments are.
	CloneArgs nsenter.Slot
	Closings  []Closing
	UIDMap    string // text for /proc/PID/uid_map, or ""
	GIDMap    string
	UIDHelper bool // newuidmap writes it
	GIDHelper bool
	// DenyGroups forbids setgroups(2) in the new user namespace.
	DenyGroups bool
	Gate       bool // it waits for a byte before it does anything that needs its ids or cgroup
	// Dumpable says that without it we couldn't write its maps or open its
	// namespaces: it stays dumpable until that is done.
	Dumpable bool
	OOMScore string // text for its oom_score_adj, or "": set when the container is complete
	// Offsets says that with its maps it gets the open file that takes the offsets of
	// its time namespace.
	Offsets bool

	// Within are mounts that the runtime makes in the container's mount namespace, while
	// that is still a copy of the host's.
	Within []step.Source
	Make   []step.Source // mounts that the first process makes itself, before all else, because the runtime may not
	Steps  []step.Step

	exec bool // the process joins a container that is complete: nothing to build
}

// Remote is where in its tape a first process makes the calls of the steps.
type Remote struct {
	Annex    nsenter.Annex
	Contexts []nsenter.Slot // take the numbers of the file systems that are sent to it
	Trees    []nsenter.Slot // take the numbers of the mounts that are sent to it
	Late     []nsenter.Slot // take those of what the steps leave for it, as Env.Late
}

// An FDSlot is a descriptor number to be put in a slot of the tape.
type FDSlot struct {
	Slot nsenter.Slot
	FD   int
}

// A Closing is a place in the tape where all descriptors are closed but the standard
// ones, the preserved ones, and some more.
type Closing struct {
	Keep   []nsenter.Slot // the places of those more
	Ranges []nsenter.Slot // first and last descriptor of each range to be closed
}

// SetRanges tells the tape which descriptors to close, once it has the numbers of
// those that it needs, which are the ones in the process that plays.
func (o *Orders) SetRanges(a *nsenter.Arena) {
	for _, c := range o.Closings {
		keep := make([]int, 0, len(c.Keep))
		for _, s := range c.Keep {
			if fd := a.Int32(s); fd >= 0 { // -1: there is none
				keep = append(keep, fd)
			}
		}
		slices.Sort(keep)
		from := 3 + o.Preserve
		for i := 0; i < len(c.Ranges); i += 2 {
			last := ^uint32(0)
			if i/2 < len(keep) {
				last = uint32(keep[i/2] - 1) // below from, the range is empty: EINVAL, which the tape ignores
			}
			a.SetWord(c.Ranges[i], uintptr(from))
			a.SetWord(c.Ranges[i+1], uintptr(last))
			if i/2 < len(keep) {
				from = max(from, keep[i/2]+1)
			}
		}
	}
}
