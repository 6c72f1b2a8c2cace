package model

// A Step is where a caller is in a verb.
type Step uint8

// The steps, each named by what it does next.
const (
	// Of create: see state.Store.Create, and claim, launch and settle in libcontainer.
	Mkdir Step = iota
	OpenMade
	LockMade
	LookFresh
	LookEmpty
	WriteIntent
	MakeCgroup
	Clone
	WriteRecord
	LetGo
	// Of a create that fails, and takes back what it has done.
	UndoProcess
	UndoCgroup
	// Of start.
	Open
	Lock
	OpenGate
	// Of kill.
	OpenKill
	Signal
	// Of delete.
	Interrupt
	Overtake
	OpenDelete
	LockDelete
	LookDelete
	LookHooks
	LookAgain
	EndInit
	EndRest
	AwaitEnd
	RemoveCgroup
	BeginPoststop
	EndPoststop
	// Of a forced delete where there is no record.
	OpenLeft
	LockLeft
	LookLeftHooks
	LookLeft
	EndLeft
	// Of all that remove an entry.
	RemoveFiles
	RemoveIntent
	RemoveMark
	Rmdir
	Close
)

var stepNames = [...]string{
	"mkdir", "open what was made", "lock what was made", "look if it is fresh", "look if the cgroup is empty", "write intent", "make cgroup", "clone",
	"write record", "let go", "kill process", "remove cgroup again", "open", "lock", "open gate", "open to kill", "signal", "interrupt", "overtake",
	"open to delete", "lock to delete", "look to delete", "look if hooks are left", "look again", "end init", "end the rest", "await the end", "remove cgroup", "begin poststop hooks",
	"end poststop hooks", "open what is left", "lock what is left", "look if hooks are left", "look at what is left", "end what is left", "remove files", "remove intent", "remove mark of hooks", "rmdir", "close",
}

// String names the step.
func (at Step) String() string { return stepNames[at] }

// A Machine has the choices that the model leaves open.
type Machine struct {
	Hooks   bool // containers have poststop hooks
	Callers int  // at most this many at once
	Broken  Flaw // what is made wrong on purpose
}

// A Flaw is a transition made wrong, to see that it is found.
type Flaw uint8

// The flaws.
const (
	Sound            Flaw = iota
	NoFreshCheck          // create takes what it finds under the id
	FreshByIntent         // create takes what has no intent
	CloneBeforeWords      // the process is made before the intent is written
	NoUndoProcess         // a create that fails leaves its process
	EntryFirst            // delete removes the entry before the cgroup
	NoEndInit             // delete trusts that a created container has ended
	RecordLate            // the record is written after the process is let go of
	MarkFirst             // an entry loses the mark of its hooks with its record
	NoSecondLook          // delete believes that there is no mark, whatever has become of the record meanwhile
	NoGoneCheck           // a delete whose entry was taken away removes whatever has its name, files and all
)

// A turn is one caller's next step, in the making.
type turn struct {
	m     Machine
	s     State
	a     int
	wrong string // the promise that is broken
	lost  bool   // the verb has failed
}

func (t *turn) me() *Actor { return &t.s.Actors[t.a] }

// dir is the directory that the caller has open.
func (t *turn) dir() *Dir { return &t.s.Dirs[t.me().Dir-1] }

// linked tells whether that has the id.
func (t *turn) linked() bool { return t.s.Named == t.me().Dir }

func (t *turn) to(at Step) { t.me().At = at }

// end is the verb's end.
func (t *turn) end() { t.s.leave(t.a) }

// refuse is the end of a verb that finds nothing that it could be done to.
func (t *turn) refuse() {
	t.lost = true
	t.end()
}

// fail has the verb go on where it takes back what it has done.
func (t *turn) fail(at Step) {
	t.me().Failed, t.lost = true, true
	t.to(at)
}

// open opens the directory that has the id, or tells that there is none.
func (t *turn) open() bool {
	t.me().Dir = t.s.Named
	return t.s.Named != 0
}

// lock takes the lock. blocked: somebody has it; gone: the directory has lost its name since.
func (t *turn) lock() (blocked, gone bool) {
	d := t.dir()
	if d.Lock != 0 && d.Lock != uint8(t.a+1) {
		return true, false
	}
	d.Lock = uint8(t.a + 1)
	return false, !t.linked()
}

// killCgroup kills all that is in the cgroup.
func (t *turn) killCgroup() {
	for i := range t.s.Dirs {
		d := &t.s.Dirs[i]
		if !d.Proc.Alive() {
			continue
		}
		if uint8(i+1) != t.me().Dir {
			t.wrong = "kills a process of another container"
		}
		d.Proc = Dying
	}
}

// removeCgroup removes the cgroup; false while somebody is in it.
func (t *turn) removeCgroup() bool {
	if t.s.populated() {
		return false
	}
	for i := range t.s.Dirs {
		if t.s.Dirs[i].Cgroup && uint8(i+1) != t.me().Dir {
			t.wrong = "removes the cgroup of another container"
		}
		t.s.Dirs[i].Cgroup = false
	}
	t.s.Cgroup = false
	return true
}

// do takes the step. It is false if the caller has to wait.
func (t *turn) do() bool {
	switch at := t.me().At; {
	case at <= UndoCgroup:
		return t.create()
	case at <= Signal:
		return t.use()
	case at <= EndPoststop:
		return t.delete()
	default:
		return t.remove()
	}
}

// create is a step of create.
func (t *turn) create() bool {
	switch t.me().At {
	case Mkdir:
		if t.s.Named != 0 {
			t.refuse()
			return true
		}
		for i := range t.s.Dirs {
			if !t.used(uint8(i + 1)) {
				t.s.Dirs[i], t.s.Named = Dir{}, uint8(i+1)
				t.to(OpenMade)
				return true
			}
		}
		panic("more directories than anybody can see")
	case OpenMade: // by its name, which may be another's by now
		if t.to(LockMade); !t.open() {
			t.refuse()
		}
	case LockMade:
		switch blocked, gone := t.lock(); {
		case blocked:
			return false
		case gone:
			t.fail(Close)
		default:
			t.to(LookFresh)
		}
	case LookFresh:
		d := t.dir()
		t.to(LookEmpty)
		if d.Claimed && t.m.Broken != NoFreshCheck && t.m.Broken != FreshByIntent || d.Intent && t.m.Broken == FreshByIntent {
			t.fail(Close)
			return true
		}
		d.Claimed = true
	default:
		return t.make()
	}
	return true
}

// make is a step of create that makes something.
func (t *turn) make() bool {
	switch t.me().At {
	case LookEmpty:
		switch t.to(WriteIntent); {
		case t.s.populated():
			t.fail(RemoveFiles)
		case t.m.Broken == CloneBeforeWords:
			t.to(MakeCgroup)
		}
	case WriteIntent:
		if !t.linked() { // nothing can be made in a directory without a name
			t.fail(Close)
			return true
		}
		t.dir().Intent = true
		if t.to(MakeCgroup); t.m.Broken == CloneBeforeWords {
			t.to(WriteRecord)
		}
	case MakeCgroup:
		t.s.Cgroup, t.dir().Cgroup = true, true
		t.to(Clone)
	case Clone:
		if !t.s.Cgroup {
			t.fail(UndoCgroup)
			return true
		}
		t.dir().Proc, t.dir().Maker = Building, uint8(t.a+1)
		if t.to(WriteRecord); t.m.Broken == CloneBeforeWords {
			t.to(WriteIntent)
		}
	default:
		return t.settle()
	}
	return true
}

// settle is one of the last steps of create, or of one that fails.
func (t *turn) settle() bool {
	d := t.dir()
	switch t.me().At {
	case WriteRecord:
		switch t.to(LetGo); {
		case t.m.Broken == RecordLate && d.Proc == Building:
			d.Proc, d.Maker = Waiting, 0
		case !t.linked():
			t.fail(UndoProcess)
			return true
		}
		if t.m.Broken != RecordLate {
			d.Record = true
		}
	case LetGo:
		if t.m.Broken == RecordLate {
			d.Record = true
			t.to(Close)
			return true
		}
		if d.Proc != Building {
			t.fail(UndoProcess)
			return true
		}
		d.Proc, d.Maker = Waiting, 0
		if !t.linked() {
			t.wrong = "lets go of a process of a container that isn't there"
		}
		t.to(Close)
	case UndoProcess:
		if d.Proc.Alive() && t.m.Broken != NoUndoProcess {
			d.Proc = Dying
		}
		if t.m.Broken == NoUndoProcess && d.Proc == Building {
			d.Proc, d.Maker = Waiting, 0
		}
		t.to(UndoCgroup)
	case UndoCgroup:
		if !t.removeCgroup() {
			if t.m.Broken == NoUndoProcess {
				t.to(RemoveFiles)
				return true
			}
			return false
		}
		t.to(RemoveFiles)
	}
	return true
}

// used tells whether a directory is somebody's.
func (t *turn) used(d uint8) bool {
	if t.s.Named == d || t.s.Dirs[d-1].Proc.InCgroup() {
		return true
	}
	for i := range t.s.Actors {
		if t.s.Actors[i].Dir == d {
			return true
		}
	}
	return false
}

// use is a step of start or kill.
func (t *turn) use() bool {
	switch t.me().At {
	case Open:
		if t.to(Lock); !t.open() || !t.dir().Record {
			t.refuse()
		}
	case Lock:
		switch blocked, gone := t.lock(); {
		case blocked:
			return false
		case gone, !t.dir().Record, t.dir().Proc != Waiting:
			t.fail(Close)
		default:
			t.to(OpenGate)
		}
	case OpenGate:
		if t.to(Close); t.dir().Proc == Waiting {
			t.dir().Proc = Running
		}
	case OpenKill:
		if t.to(Signal); !t.open() || !t.dir().Record {
			t.refuse()
		}
	case Signal: // by pidfd: it is this one's process or nobody's
		if !t.dir().Proc.Alive() {
			t.fail(Close)
			return true
		}
		t.dir().Proc = Dying
		t.to(Close)
	}
	return true
}
