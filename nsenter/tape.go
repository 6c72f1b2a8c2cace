package nsenter

import (
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An op is one entry of a tape, laid out for the player.
type op struct {
	nr     uintptr
	arg    [6]uintptr
	out    uintptr   // offset of the slot that takes the result; 0: none
	rel    uint8     // bit i: arg[i] is an offset into the arena, the address is passed
	load   uint8     // bit i: arg[i] is the offset of a word, the word is passed
	load32 uint8     // bit i: arg[i] is the offset of an int32, its value is passed
	mode   uint8     // what the result means
	skip   uint32    // entries to pass over, see mode; a PATH of 128 KiB needs more than 16 bits
	errno  [6]uint16 // errors that are expected, see mode
	_      [2]uint16 // keeps the size a multiple of eight everywhere
}

// Modes of an op.
const (
	modeFatal     = iota // an error ends the child; expected errors skip
	modeIgnore           // no error matters
	modeDemand           // as modeFatal, and a result of 0 is an error too: the peer has gone
	modeFork             // as modeFatal; where the result isn't 0 this process was the fork's parent and exits
	modeOnSuccess        // success skips, any error goes on
	modeHome             // as modeFatal, but an unexpected error is told to who has written the entry, see [Tape.Annex]
)

// Pseudo system calls.
const (
	nrSet     = ^uintptr(0) - iota // out = arg[0], then skip
	nrFail                         // fail with errno arg[0]
	nrMark                         // enter phase arg[0]
	nrExpect                       // the byte at arg[0] must be arg[1], else errno arg[2]
	nrBranch                       // skip if arg[0] isn't 0
	nrGoto                         // go on at entry arg[0]
	nrCompare                      // fail with errno arg[3] unless arg[0], masked by arg[1], is arg[2]; if arg[4] isn't 0, where it is
)

// ErrPeerGone is the error number of an entry that read the end of file where
// a byte was demanded: the process at the other end has died.
const ErrPeerGone = 4096

// A Phase tells how far a process that plays a tape has come.
type Phase uint32

// The phases of a first process. They are stored in its [Progress].
const (
	PhaseSetup   Phase = iota // being set up
	PhaseWaiting              // set up, waits for start: the container is created
	PhaseStarted              // let go
	PhaseExec                 // the next entry is the execve of the user's program
)

// An Arg is an argument of a tape's entry.
type Arg struct {
	v    uintptr
	kind argKind
}

type argKind uint8

const (
	argInt argKind = iota
	argAddr
	argWord
	argInt32
)

// Int is the number n itself.
func Int(n int) Arg { return Arg{v: uintptr(n)} }

// Uint is the number n itself.
func Uint(n uintptr) Arg { return Arg{v: n} }

// A Slot is a word in the arena that an entry fills or that is filled before
// or while the tape plays.
type Slot uintptr

// Addr passes the slot's address.
func (s Slot) Addr() Arg { return Arg{uintptr(s), argAddr} }

// Value passes the word in the slot.
func (s Slot) Value() Arg { return Arg{uintptr(s), argWord} }

// FD passes the int32 in the slot, as SCM_RIGHTS and CLONE_PIDFD leave it.
func (s Slot) FD() Arg { return Arg{uintptr(s), argInt32} }

// A Tape assembles entries and the memory they use. The zero value isn't
// ready: use [NewTape]. A Tape is a pure value; nothing touches the kernel
// before an [Arena] is made of it.
type Tape struct {
	ops    []op
	labels []string
	data   []byte // the arena's image; offset 0 is a header
	relocs []uint32

	annexCount, annexSize int // see [Tape.Annex]
}

// headerSize keeps offset 0 from being a valid slot. The header's first word is
// the arena's address in the process that will play it; the others are of
// [Tape.Annex]: where to go on after an error, that error's number, and its entry.
const headerSize = 32

const (
	headerHome   = Slot(8)
	headerErrno  = Slot(16)
	headerFailed = Slot(24)
)

// NewTape returns an empty tape.
func NewTape() *Tape {
	return &Tape{data: make([]byte, headerSize, 512)}
}

// Reserve makes room for so many entries, and bytes of what they need: so that what is there hasn't to be moved. Of both there may be more.
func (t *Tape) Reserve(entries, bytes int) {
	t.ops, t.labels = slices.Grow(t.ops, entries), slices.Grow(t.labels, entries)
	t.data = slices.Grow(t.data, bytes+entries*int(unsafe.Sizeof(op{})))
}

// Alloc reserves n zeroed bytes, aligned to 8.
func (t *Tape) Alloc(n int) Slot {
	off := (len(t.data) + 7) &^ 7
	t.data = append(t.data, make([]byte, off+n-len(t.data))...)
	return Slot(off)
}

// Slot reserves a word.
func (t *Tape) Slot() Slot { return t.Alloc(8) }

// FDSlot reserves a descriptor that is -1 until somebody fills it.
func (t *Tape) FDSlot() Slot {
	s := t.Alloc(8)
	t.noFD(s)
	return s
}

// Bytes places b and passes its address.
func (t *Tape) Bytes(b []byte) Arg {
	s := t.Alloc(len(b))
	copy(t.data[s:], b)
	return s.Addr()
}

// Str places s with its terminating NUL and passes its address.
func (t *Tape) Str(s string) Arg { return t.str(s).Addr() }

func (t *Tape) str(s string) Slot {
	p := t.Alloc(len(s) + 1)
	copy(t.data[p:], s)
	return p
}

// Strs places a NULL-terminated vector of strings, with room for spare more
// pointers before the NULL, and returns it. The spare words stay NULL until
// [Arena.SetString] fills them.
func (t *Tape) Strs(ss []string, spare int) Slot {
	size := (len(ss) + spare + 1) * wordSize
	for _, s := range ss { // an environment may be large, and growing copies
		size += len(s) + 1 + wordSize
	}
	t.data, t.relocs = slices.Grow(t.data, size), slices.Grow(t.relocs, len(ss))
	v := t.Alloc((len(ss) + spare + 1) * wordSize)
	for i, s := range ss {
		t.pointer(v+Slot(i*wordSize), t.str(s))
	}
	return v
}

// pointer makes the word at s point to target once the arena is mapped.
func (t *Tape) pointer(s, target Slot) {
	*(*uintptr)(unsafe.Pointer(&t.data[s])) = uintptr(target)
	t.relocs = append(t.relocs, uint32(s))
}

// noFD stores -1, which is no descriptor, as an int32.
func (t *Tape) noFD(s Slot) { *(*int32)(unsafe.Pointer(&t.data[s])) = -1 }

// Put stores v in the slot, before the arena is made.
func (t *Tape) Put(s Slot, v uintptr) { *(*uintptr)(unsafe.Pointer(&t.data[s])) = v }

const wordSize = int(unsafe.Sizeof(uintptr(0)))

// Len is the number of entries so far.
func (t *Tape) Len() int { return len(t.ops) }

// Label is what entry i does, in words fit for an error message.
func (t *Tape) Label(i int) string {
	if i < 0 || i >= len(t.labels) {
		return ""
	}
	return t.labels[i]
}

// Labels are the labels of all entries.
func (t *Tape) Labels() []string { return t.labels }

// A Line is an entry for people.
type Line struct {
	Call     uintptr // the number of the system call, unless Own
	Own      string  // what it is if it isn't a system call: the tape's own doing
	Label    string
	Optional bool // an entry before it may pass over it
}

// Lines are all entries. Those of an annex aren't known beforehand.
func (t *Tape) Lines() []Line {
	own := map[uintptr]string{
		nrSet: "set", nrFail: "fail", nrMark: "mark", nrExpect: "expect", nrBranch: "branch", nrGoto: "go to", nrCompare: "compare",
	}
	lines := make([]Line, len(t.ops))
	for i := range t.ops {
		o := &t.ops[i]
		lines[i].Call, lines[i].Own, lines[i].Label = o.nr, own[o.nr], t.labels[i]
		for j := i + 1; j <= i+int(o.skip) && j < len(lines); j++ {
			lines[j].Optional = true
		}
	}
	return lines
}

// An Entry is what [Tape.Call] appended; its methods refine it.
type Entry struct{ op *op }

// Call appends the system call nr. The label says in an error message what the
// entry does ("set hostname web"). An error ends the playing process unless
// the entry is refined.
func (t *Tape) Call(label string, nr uintptr, args ...Arg) Entry {
	o := op{}
	o.fill(nr, args)
	t.ops = append(t.ops, o)
	t.labels = append(t.labels, label)
	return Entry{&t.ops[len(t.ops)-1]}
}

func (o *op) fill(nr uintptr, args []Arg) {
	o.nr = nr
	for i, a := range args {
		o.arg[i] = a.v
		switch a.kind {
		case argAddr:
			o.rel |= 1 << i
		case argWord:
			o.load |= 1 << i
		case argInt32:
			o.load32 |= 1 << i
		}
	}
}

// Into stores the result in s.
func (e Entry) Into(s Slot) Entry { e.op.out = uintptr(s); return e }

// Ignore goes on whatever the result is.
func (e Entry) Ignore() Entry { e.op.mode = modeIgnore; return e }

// Demand makes a result of 0 an error, [ErrPeerGone].
func (e Entry) Demand() Entry { e.op.mode = modeDemand; return e }

// Fork marks a clone: its parent exits with status 0, its child goes on.
func (e Entry) Fork() Entry { e.op.mode = modeFork; return e }

// Tolerate goes on after the errors given, at most six.
func (e Entry) Tolerate(errs ...syscall.Errno) Entry { return e.SkipOn(0, errs...) }

// SkipOn passes over the next n entries after the errors given, at most six.
func (e Entry) SkipOn(n int, errs ...syscall.Errno) Entry {
	e.op.skip = uint32(n)
	for i, err := range errs {
		e.op.errno[i] = uint16(err)
	}
	return e
}

// SkipOnSuccess passes over the next n entries if the call succeeds, and goes
// on with the next one whatever its error is.
func (e Entry) SkipOnSuccess(n int) Entry {
	e.op.mode, e.op.skip = modeOnSuccess, uint32(n)
	return e
}

// Set stores a in s and passes over the next skip entries.
func (t *Tape) Set(label string, s Slot, a Arg, skip int) {
	e := t.Call(label, nrSet, a).Into(s)
	e.op.skip = uint32(skip)
}

// SkipIf passes over the next n entries if the word in s isn't 0.
func (t *Tape) SkipIf(s Slot, n int) { t.Call("", nrBranch, s.Value()).op.skip = uint32(n) }

// BecomeRoot appends what makes the process uid and gid 0 of its user
// namespace. setgroups(2) is denied in one that an ordinary user made.
func (t *Tape) BecomeRoot() {
	t.Call("drop groups", SysSetgroups, Int(0), Int(0)).Tolerate(unix.EPERM)
	t.Call("become group 0", SysSetresgid, Int(0), Int(0), Int(0))
	t.Call("become user 0", SysSetresuid, Int(0), Int(0), Int(0))
}

// MaskSize is the size in bytes of a mask of processors that is large enough for
// every kernel: 8192 of them.
const MaskSize = 1024

// Stamp notes the time of a clock, see [Time].
func (t *Tape) Stamp(clock int) Slot {
	s := t.Alloc(int(unsafe.Sizeof(unix.Timespec{})))
	t.Call("read clock", unix.SYS_CLOCK_GETTIME, Int(clock), s.Addr()).Ignore()
	return s
}

// Fail ends the playing process with err.
func (t *Tape) Fail(label string, err syscall.Errno) { t.Call(label, nrFail, Uint(uintptr(err))) }

// Mark enters a phase.
func (t *Tape) Mark(p Phase) { t.Call("", nrMark, Uint(uintptr(p))) }

// Expect fails with err unless the byte at s is b.
func (t *Tape) Expect(label string, s Slot, b byte, err syscall.Errno) {
	t.Call(label, nrExpect, s.Addr(), Uint(uintptr(b)), Uint(uintptr(err)))
}
