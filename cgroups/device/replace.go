package device

import (
	"bytes"
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Replace puts the program in the place of the one that [Attach] has attached to
// an open v2 cgroup directory, in one step: every access is decided by the one
// or the other. Programs of others stay.
func Replace(dirfd int, p Program) error {
	old, err := find(dirfd)
	if err != nil {
		return err
	}
	if old < 0 {
		return Attach(dirfd, p)
	}
	defer unix.Close(old)
	if p == nil {
		return detach(dirfd, old)
	}
	prog, err := load(p.Encode())
	if err != nil {
		return &attachError{"load", err}
	}
	defer unix.Close(prog)
	return attach(dirfd, prog, old)
}

// maxPrograms is the most that the kernel lets be attached to a cgroup.
const maxPrograms = 64

// queryAttr is the part of union bpf_attr for BPF_PROG_QUERY.
type queryAttr struct {
	target     uint32
	kind       uint32
	queryFlags uint32
	flags      uint32
	ids        uint64
	count      uint32
	_          uint32
}

// find opens the program of ours that is attached to the cgroup, or returns -1.
func find(dirfd int) (int, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	ids := new([maxPrograms]uint32)
	pin.Pin(ids)
	attr := queryAttr{target: uint32(dirfd), kind: unix.BPF_CGROUP_DEVICE, ids: uint64(uintptr(unsafe.Pointer(ids))), count: maxPrograms}
	if _, err := bpf(unix.BPF_PROG_QUERY, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); err != nil {
		return -1, &attachError{"query", err}
	}
	for _, id := range ids[:min(attr.count, maxPrograms)] {
		get := struct{ id, next, flags uint32 }{id: id}
		fd, err := bpf(unix.BPF_PROG_GET_FD_BY_ID, unsafe.Pointer(&get), unsafe.Sizeof(get))
		if errors.Is(err, unix.ENOENT) {
			continue // detached meanwhile
		}
		if err != nil {
			return -1, &attachError{"open", err}
		}
		ours, err := named(fd)
		if ours {
			return fd, nil
		}
		unix.Close(fd)
		if err != nil {
			return -1, err
		}
	}
	return -1, nil
}

// info is struct bpf_prog_info as far as the name.
type info struct {
	_    [64]byte
	name [16]byte
}

// named tells whether a program has the name that we give ours.
func named(fd int) (bool, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	i := new(info)
	pin.Pin(i)
	attr := struct {
		fd, size uint32
		info     uint64
	}{uint32(fd), uint32(unsafe.Sizeof(*i)), uint64(uintptr(unsafe.Pointer(i)))}
	if _, err := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); err != nil {
		return false, &attachError{"ask for the name of a", err}
	}
	name, _, _ := bytes.Cut(i.name[:], []byte{0})
	return string(name) == programName, nil
}
