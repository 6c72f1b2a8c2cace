package step

import (
	"slices"

	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// Title is what ps(1) shows in short of the stage, the builder, and the first process
// until it runs the user's program.
const Title = "rung:init"

// Orders is all that the init stage is told, and in turn the builder that it
// execs into a user namespace. On the way to the stage, descriptors are places
// in the list that comes with them, see [Orders.Resolve]; -1 is none.
type Orders struct {
	Builder bool   // for the builder: the first process exists
	Exec    bool   // the process joins a container that is complete: nothing to build
	Fault   string // for tests, see package fault
	Trace   int    // file that takes what package timeline records, or -1

	Wire, Progress, Arena int
	ArenaSize             int
	Relocs                []uint32
	Ops, Count            uint32
	Preserve              int // descriptors from 3 on that belong to the container

	// The first process.
	Clone  uint64 // CLONE_NEW* flags
	ByTape bool   // the tape's first part joins namespaces and clones it
	Cgroup int    // descriptor of the v2 cgroup it is born in, or -1
	// With ByTape, where the tape's clone arguments are.
	CloneArgs nsenter.Slot
	Pid       nsenter.Slot // takes its pid
	Helper    nsenter.Slot // takes the pid of the process that joins
	Own       []FDSlot     // descriptors for its tape
	Sock      nsenter.Slot // its end of the socket to us
	Unified   nsenter.Slot // with ByTape: takes Cgroup, to be closed again
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
	OOMScore string // text for its oom_score_adj, or "": the parent's job
	// Offsets says that with its maps it gets the open file that takes the offsets of
	// its time namespace.
	Offsets bool

	// Within are mounts that the stage makes in the first process's mount namespace, while
	// that is still a copy of the host's.
	Within []Source

	// The builder.
	Enter   int      // namespaces to join, CLONE_NEW* flags
	User    bool     // it has to be exec'd inside a user namespace
	Exe     int      // the sealed executable
	Sources int      // how many mounts the parent sends
	Make    []Source // mounts that the builder makes itself, before all else, because the parent may not
	First   int      // how many mounts the first process sends
	Steps   []Step

	// Filled by the stage for its builder.
	Peer, Pidfd, Proc  int
	Trees, FirstMounts []int
	Heard              bool // the first process has reported; FirstMounts are what it sent
}

// Remote is where in its tape a first process makes the calls of the steps.
type Remote struct {
	Annex nsenter.Annex
	Trees []nsenter.Slot // take the numbers of the mounts that are sent to it
	// Network says that the first descriptor that is sent to it is of its network namespace, which the runtime
	// makes meanwhile. Nothing else that the kernel makes for a container takes as long.
	Network bool
	Late    []nsenter.Slot // take those of what the steps leave for it, as Env.Late
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

func codeClosing(c *wire.Codec, l *Closing) {
	wire.List(c, &l.Keep, codeSlot)
	wire.List(c, &l.Ranges, codeSlot)
}

// Code carries the fields.
func (o *Orders) Code(c *wire.Codec) {
	c.Bool(&o.Builder)
	c.Bool(&o.Exec)
	c.String(&o.Fault)
	for _, n := range []*int{&o.Wire, &o.Progress, &o.Arena, &o.ArenaSize, &o.Preserve, &o.Cgroup, &o.Enter, &o.Exe, &o.First, &o.Peer, &o.Pidfd, &o.Proc, &o.Trace} {
		c.Int(n)
	}
	c.Uint32s(&o.Relocs)
	c.Uint32(&o.Ops)
	c.Uint32(&o.Count)
	c.Uint64(&o.Clone)
	c.Bool(&o.ByTape)
	codeSlot(c, &o.CloneArgs)
	codeSlot(c, &o.Pid)
	codeSlot(c, &o.Helper)
	wire.List(c, &o.Own, func(c *wire.Codec, f *FDSlot) {
		codeSlot(c, &f.Slot)
		c.Int(&f.FD)
	})
	codeSlot(c, &o.Sock)
	codeSlot(c, &o.Unified)
	wire.List(c, &o.Closings, codeClosing)
	c.String(&o.UIDMap)
	c.String(&o.GIDMap)
	for _, b := range []*bool{&o.UIDHelper, &o.GIDHelper, &o.DenyGroups, &o.Gate, &o.Dumpable, &o.User, &o.Heard, &o.Offsets} {
		c.Bool(b)
	}
	c.String(&o.OOMScore)
	c.Int(&o.Sources)
	wire.List(c, &o.Within, codeSource)
	wire.List(c, &o.Make, codeSource)
	Code(c, &o.Steps)
	c.Ints(&o.Trees)
	c.Ints(&o.FirstMounts)
}

func codeSlot(c *wire.Codec, s *nsenter.Slot) {
	u := uint64(*s)
	c.Uint64(&u)
	*s = nsenter.Slot(u)
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

// Resolve puts the descriptors fds in for their places.
func (o *Orders) Resolve(fds []int) error {
	all := []*int{&o.Progress, &o.Arena, &o.Cgroup, &o.Exe, &o.Trace}
	for i := range o.Own {
		all = append(all, &o.Own[i].FD)
	}
	for _, p := range all {
		if *p >= len(fds) {
			return wire.ErrShort
		}
		if *p >= 0 {
			*p = fds[*p]
		}
	}
	return nil
}
