// Package leftover decides what in a state directory is garbage: what nobody will come back for.
//
// A container that has ended isn't: its engine deletes it when it has read what it wants of it. What is garbage is
// of a create or a delete that died, of another boot, or damaged. Of none of them anything may live.
package leftover

import (
	"fmt"
	"time"
)

// A Reason is why something is left over. Programs may compare it.
type Reason string

// The reasons.
const (
	None       Reason = ""
	CreateDied Reason = "create-died"  // there is no record, or one of a first process that was never set up
	DeleteDied Reason = "delete-died"  // poststop hooks were all that was left to be done
	DebugDied  Reason = "debug-died"   // it was run beside another container, and who was to delete it didn't
	OtherBoot  Reason = "other-boot"   // made before the last boot
	Damaged    Reason = "damaged"      // the record can't be read
	Lost       Reason = "lost"         // the record isn't there, and the first process lives
	OutOfSight Reason = "out-of-sight" // it is of another pid namespace, and nobody has seen its end
	Ended      Reason = "ended"        // it has run, or waited for start, and has ended
	Busy       Reason = "busy"         // it is incomplete, for somebody is at work on it: nothing has died
)

// String is the reason in words.
func (r Reason) String() string {
	switch r {
	case CreateDied:
		return "its create died"
	case DeleteDied:
		return "its delete died"
	case DebugDied:
		return "its debug died"
	case OtherBoot:
		return "it was made before the last boot"
	case Damaged:
		return "its record is damaged"
	case Lost:
		return "its record is gone"
	case OutOfSight:
		return "its first process isn't seen"
	case Ended:
		return "it has ended"
	case Busy:
		return "it is incomplete"
	}
	return ""
}

// A File is what has become of a file of the entry.
type File int

// What a file may be.
const (
	Absent File = iota
	Readable
	Broken
)

// Facts are what is known of an entry of the state directory.
type Facts struct {
	Foreign bool // nothing says that it is the entry of a container of ours
	Locked  bool // another process has the lock
	Record  File
	Intent  File
	Bygone  bool // made before the last boot
	Alive   bool // its first process lives
	Others  int  // processes that live in its cgroups, unless those are another container's too
	Hidden  bool // cgroups of its may be there that aren't seen from here
	Blind   bool // nothing leads to its first process, which may live: its id is lost
	Distant bool // its first process may live: its id is of another pid namespace
	Beside  bool // it was run beside another container, by debug, which deletes it when it ends
	SetUp   bool // its first process has come to where it waits for start
	Deleted bool // a delete had nothing left to do but poststop hooks
	Age     time.Duration
}

// Options say what is taken for garbage.
type Options struct {
	Stopped bool          // also what has ended
	Older   time.Duration // only what was made so long ago
}

// A Verdict is what is to become of an entry, with all that belongs to it.
type Verdict struct {
	Reason Reason // None: it is in use
	Keep   string // why it is left alone for all that; "": it is to be removed
}

// Judge says what is to become of an entry.
func Judge(f *Facts, o *Options) Verdict {
	v := Verdict{Reason: f.reason()}
	switch {
	case v.Reason == None:
	case f.Alive:
		v.Keep = "its first process lives"
	case f.Locked:
		v.Keep = "another process is at work on it"
		if v.Reason == CreateDied || v.Reason == DeleteDied || v.Reason == DebugDied {
			v.Reason = Busy
		}
	case f.Others > 0:
		v.Keep = fmt.Sprintf("processes live in its cgroup: %d", f.Others)
	case !f.Bygone && f.Hidden:
		v.Keep = "its cgroups aren't where cgroups are mounted here"
	case !f.Bygone && f.unknown():
		v.Keep = "nothing that can be read says what is its own"
	case v.Reason == OutOfSight:
		v.Keep = "it was created in another pid namespace, and may live there"
	case !f.Bygone && f.Blind:
		v.Keep = "nothing says whether it lives"
	case v.Reason == Ended && !o.Stopped:
		v.Keep = "its engine may be about to delete it"
	case f.Age < o.Older:
		v.Keep = "it is younger than asked for"
	}
	return v
}

// unknown tells whether there may be something of it that neither record nor intent names.
func (f *Facts) unknown() bool {
	return f.Record == Broken && f.Intent != Readable || f.Record == Absent && f.Intent == Broken
}

func (f *Facts) reason() Reason {
	switch {
	case f.Foreign:
		return None
	case f.Alive && f.Record == Broken:
		return Damaged
	case f.Alive && f.Record == Absent && !f.Locked:
		return Lost
	case f.Alive:
		return None
	case f.Bygone:
		return OtherBoot
	case f.Deleted:
		return DeleteDied
	case f.Distant:
		return OutOfSight
	case f.Record == Absent:
		return CreateDied
	case f.Record == Broken:
		return Damaged
	case !f.SetUp:
		return CreateDied
	case f.Beside:
		return DebugDied
	}
	return Ended
}
