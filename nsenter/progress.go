package nsenter

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Progress is what a player says about itself, in a page of shared memory. A
// store to memory can't be stopped by a seccomp filter or a full pipe, and it
// survives the process.
type Progress struct {
	Phase Phase
	Step  uint32 // the entry being played
	Errno uint32 // why Step failed; 0 while all is well
	Magic uint32
}

// ProgressSize is the size in bytes of a progress file.
const ProgressSize = int(unsafe.Sizeof(Progress{}))

const progressMagic = 0x676e7572 // "rung"

// InitProgress writes a fresh record to fd.
func InitProgress(fd int) error { return writeProgress(fd, Progress{Magic: progressMagic}) }

func writeProgress(fd int, p Progress) error {
	n, err := unix.Pwrite(fd, unsafe.Slice((*byte)(unsafe.Pointer(&p)), ProgressSize), 0)
	if err == nil && n != ProgressSize {
		err = unix.ENOSPC
	}
	if err != nil {
		return fmt.Errorf("write progress record: %w", err)
	}
	return nil
}

// EndProgress writes to fd that the user's program runs, of a process that has played nothing.
func EndProgress(fd int) error {
	return writeProgress(fd, Progress{Phase: PhaseExec, Magic: progressMagic})
}

// ReadProgress reads the record in fd.
func ReadProgress(fd int) (Progress, error) {
	var p Progress
	n, err := unix.Pread(fd, unsafe.Slice((*byte)(unsafe.Pointer(&p)), ProgressSize), 0)
	if err == nil && (n != ProgressSize || p.Magic != progressMagic) {
		err = unix.EINVAL
	}
	if err != nil {
		return p, fmt.Errorf("read progress record: %w", err)
	}
	return p, nil
}

// MapProgress maps the record in fd for a player.
func MapProgress(fd int) (*Progress, error) {
	mem, err := unix.Mmap(fd, 0, ProgressSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map progress record: %w", err)
	}
	return (*Progress)(unsafe.Pointer(&mem[0])), nil
}
