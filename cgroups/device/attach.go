package device

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrAttach is wrapped, beside the errno, by errors of [Attach]: the kernel
// refused the program. EPERM is what a user namespace or a missing CAP_BPF says.
var ErrAttach = errors.New("device program refused")

type attachError struct {
	op  string
	err error
}

func (e *attachError) Error() string   { return e.op + " device program: " + e.err.Error() }
func (e *attachError) Unwrap() []error { return []error{ErrAttach, e.err} }

// programName is what the kernel lists our programs under.
const programName = "rung_devices"

// license is the one given to the kernel: the program calls no helper, so the kernel asks for no particular one.
var license = [...]byte{'A', 'p', 'a', 'c', 'h', 'e', '-', '2', '.', '0', 0}

// loadAttr is the part of union bpf_attr that BPF_PROG_LOAD needs, up to the name.
type loadAttr struct {
	progType    uint32
	count       uint32
	insns       uint64
	license     uint64
	logLevel    uint32
	logSize     uint32
	logBuf      uint64
	kernVersion uint32
	flags       uint32
	name        [16]byte
}

type attachAttr struct {
	target  uint32
	program uint32
	kind    uint32
	flags   uint32
	// replaced is the program that BPF_F_REPLACE speaks of.
	replaced uint32
}

// Attach loads the program and attaches it to an open v2 cgroup directory,
// beside those of its parents and of others (BPF_F_ALLOW_MULTI): all must agree
// to an access. The program lives as long as the cgroup. A nil program is not attached.
func Attach(dirfd int, p Program) error {
	if p == nil {
		return nil
	}
	prog, err := load(p.Encode())
	if err != nil {
		return &attachError{"load", err}
	}
	defer unix.Close(prog)
	return attach(dirfd, prog, -1)
}

// attach attaches a program, in one step in the place of another (BPF_F_REPLACE,
// Linux 5.6) unless that is -1.
func attach(dirfd, prog, replaced int) error {
	attr := attachAttr{target: uint32(dirfd), program: uint32(prog), kind: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI}
	op := "attach"
	if replaced >= 0 {
		attr.flags |= unix.BPF_F_REPLACE
		attr.replaced = uint32(replaced)
		op = "replace"
	}
	if _, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); err != nil {
		return &attachError{op, err}
	}
	return nil
}

func detach(dirfd, prog int) error {
	attr := attachAttr{target: uint32(dirfd), program: uint32(prog), kind: unix.BPF_CGROUP_DEVICE}
	if _, err := bpf(unix.BPF_PROG_DETACH, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); err != nil {
		return &attachError{"detach", err}
	}
	return nil
}

func load(code []byte) (int, error) {
	// Pinned, so that the addresses in the attribute stay true.
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&code[0])
	attr := loadAttr{
		progType: unix.BPF_PROG_TYPE_CGROUP_DEVICE,
		count:    uint32(len(code) / 8),
		insns:    uint64(uintptr(unsafe.Pointer(&code[0]))),
		license:  uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	copy(attr.name[:], programName)
	// The verifier gives up with EAGAIN when a signal is waiting, and Go's
	// scheduler sends itself signals.
	for try := 0; ; try++ {
		fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
		if !errors.Is(err, unix.EAGAIN) || try == 30 {
			return fd, err
		}
	}
}

func bpf(cmd uintptr, attr unsafe.Pointer, size uintptr) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, cmd, uintptr(attr), size)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}
