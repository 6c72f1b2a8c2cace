package nsenter

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// An Image is a finished tape: bytes that any process may map and play.
type Image struct {
	Data   []byte   // goes into the memfd, offset 0 first
	Size   int      // of the memfd: there may be zeros behind
	Relocs []uint32 // offsets of words that hold offsets and must become addresses
	Ops    uint32   // offset of the first entry
	Count  uint32   // number of entries
}

// Image lays the tape out.
func (t *Tape) Image() Image {
	size := int(unsafe.Sizeof(op{}))
	end, behind := t.annex()
	n := len(t.ops) + len(end)
	s := t.Alloc(n * size)
	for i, list := range [][]op{t.ops, end} {
		if len(list) > 0 {
			copy(t.data[int(s)+i*len(t.ops)*size:], unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), len(list)*size))
		}
	}
	return Image{Data: t.data, Size: len(t.data) + behind, Relocs: t.relocs, Ops: uint32(s), Count: uint32(n + t.annexCount)}
}

// An Arena is an image in shared memory (a memfd), mapped in this process. A
// process forked from here plays it; another one may map it too and complete it.
type Arena struct {
	FD   int // the memfd; the creator closes it with Close
	mem  []byte
	base uintptr
}

// ErrArena reports an arena that is not what its plan says.
var ErrArena = errors.New("tape arena is damaged")

// NewArena makes a memfd that holds the image. It isn't mapped yet.
func NewArena(im Image) (*Arena, error) {
	fd, err := unix.MemfdCreate("tape", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make tape memory: %w", err)
	}
	a := &Arena{FD: fd}
	if err := fdio.WriteAll(fd, im.Data); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("write tape memory: %w", err)
	}
	if im.Size > len(im.Data) {
		if err := unix.Ftruncate(fd, int64(im.Size)); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("write tape memory: %w", err)
		}
	}
	if err := FixSize(fd); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("seal tape memory: %w", err)
	}
	return a, nil
}

// FixSize keeps a memfd that may be sealed at its size: whoever got hold of it in a
// process that a container sees could truncate it, and who has it mapped would die of a
// SIGBUS.
func FixSize(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	return err
}

// OpenArena maps the arena in memfd fd. The process that will fork the player
// calls it with relocs and becomes the one whose addresses count; others pass
// nil.
func OpenArena(fd, size int, relocs []uint32) (*Arena, error) {
	mem, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map tape memory: %w", err)
	}
	a := &Arena{FD: fd, mem: mem}
	a.base = uintptr(unsafe.Pointer(&mem[0]))
	if relocs == nil {
		return a, nil
	}
	return a, a.relocate(relocs, a.base)
}

// relocate makes addresses of offsets: base is where the player has the arena.
func (a *Arena) relocate(relocs []uint32, base uintptr) error {
	for _, r := range relocs {
		if int(r)+wordSize > len(a.mem) {
			return ErrArena
		}
		*a.word(Slot(r)) += base
	}
	*a.word(0) = base
	return nil
}

func (a *Arena) word(s Slot) *uintptr { return (*uintptr)(unsafe.Pointer(&a.mem[s])) }

// Word reads the word in s.
func (a *Arena) Word(s Slot) uintptr { return *a.word(s) }

// SetWord stores v in s.
func (a *Arena) SetWord(s Slot, v uintptr) { *a.word(s) = v }

// SetFD stores a descriptor number in s.
func (a *Arena) SetFD(s Slot, fd int) { *(*int32)(unsafe.Pointer(&a.mem[s])) = int32(fd) }

// Addr is the address of s in this process.
func (a *Arena) Addr(s Slot) uintptr { return a.base + uintptr(s) }

// SetString writes text with a NUL at s, which must have room for it, and makes
// the pointer at ptr point to it in the process that will play the tape.
func (a *Arena) SetString(s, ptr Slot, text string) {
	copy(a.mem[s:], text)
	a.mem[int(s)+len(text)] = 0
	*a.word(ptr) = *a.word(0) + uintptr(s)
}

// Int32 reads the int32 in s.
func (a *Arena) Int32(s Slot) int { return int(*(*int32)(unsafe.Pointer(&a.mem[s]))) }

// ReadInt32 reads an int32 of an arena that isn't mapped here.
func (a *Arena) ReadInt32(s Slot) (int, error) {
	var v int32
	n, err := 0, error(nil)
	for range 2 { // or who is waited for would stay unknown, and wait for us
		if n, err = unix.Pread(a.FD, unsafe.Slice((*byte)(unsafe.Pointer(&v)), 4), int64(s)); err == nil {
			break
		}
	}
	if err == nil && n != 4 {
		err = ErrArena
	}
	return int(v), err
}

// Time is the time in ns that [Tape.Stamp] has left in s, in an arena whose memfd is
// fd; 0 if it hasn't been played.
func Time(fd int, s Slot) int64 {
	var ts unix.Timespec
	n, err := unix.Pread(fd, unsafe.Slice((*byte)(unsafe.Pointer(&ts)), unsafe.Sizeof(ts)), int64(s))
	if err != nil || n != int(unsafe.Sizeof(ts)) {
		return 0
	}
	return ts.Nano()
}

// Unmap lets go of the mapping that [OpenArena] made.
func (a *Arena) Unmap() { _ = unix.Munmap(a.mem) }

// Close closes the memfd; a mapping stays.
func (a *Arena) Close() {
	if a.FD >= 0 {
		unix.Close(a.FD)
		a.FD = -1
	}
}
