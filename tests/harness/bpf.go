package harness

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// deviceProgram is what the kernel lists the runtime's device programs under.
const deviceProgram = "rung_devices"

const programLine = "device program "

// programs finds the device programs of the runtime that are attached to no
// cgroup: a descriptor, a pin or the kernel keeps them without one. Those of other
// tests that run beside this one are attached.
func programs(r residue) {
	var loose []uint32
	for id, ok := nextProgram(0); ok; id, ok = nextProgram(id) {
		if programName(id) == deviceProgram {
			loose = append(loose, id)
		}
	}
	if len(loose) == 0 {
		return
	}
	attached := make(map[uint32]bool)
	seen := false
	for _, m := range ownMounts() {
		if m.Type != "cgroup2" {
			continue
		}
		seen = true
		filepath.WalkDir(m.Point, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				for _, id := range attachedTo(path) {
					attached[id] = true
				}
			}
			return nil
		})
	}
	if !seen {
		return // the view of cgroup v1, in which the runtime has no use for any
	}
	for _, id := range loose {
		// Whoever was seen on its way to a cgroup, or off it, is gone or there now.
		if !attached[id] && programName(id) == deviceProgram {
			r[fmt.Sprintf(programLine+"%d without a cgroup", id)] = true
		}
	}
}

// Programs is how many device programs of the runtime's there are, whoever has made them.
func Programs() (n int) {
	for id, ok := nextProgram(0); ok; id, ok = nextProgram(id) {
		if programName(id) == deviceProgram {
			n++
		}
	}
	return n
}

func bpf(cmd uintptr, attr unsafe.Pointer, size uintptr) (int, bool) {
	n, _, errno := unix.Syscall(unix.SYS_BPF, cmd, uintptr(attr), size)
	return int(n), errno == 0
}

// nextProgram is the program after the given one in the kernel's list.
func nextProgram(after uint32) (uint32, bool) {
	attr := struct{ id, next, flags uint32 }{id: after}
	_, ok := bpf(unix.BPF_PROG_GET_NEXT_ID, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	return attr.next, ok
}

// programName is the name of a program, "" of one that is gone.
func programName(id uint32) string {
	get := struct{ id, next, flags uint32 }{id: id}
	fd, ok := bpf(unix.BPF_PROG_GET_FD_BY_ID, unsafe.Pointer(&get), unsafe.Sizeof(get))
	if !ok {
		return ""
	}
	defer unix.Close(fd)
	var pin runtime.Pinner
	defer pin.Unpin()
	info := new([80]byte) // struct bpf_prog_info as far as the name
	pin.Pin(info)
	ask := struct {
		fd, size uint32
		info     uint64
	}{uint32(fd), uint32(len(info)), uint64(uintptr(unsafe.Pointer(info)))}
	if _, ok := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, unsafe.Pointer(&ask), unsafe.Sizeof(ask)); !ok {
		return ""
	}
	name, _, _ := bytes.Cut(info[64:], []byte{0})
	return string(name)
}

// attachedTo lists the device programs of a cgroup v2.
func attachedTo(dir string) []uint32 {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	var pin runtime.Pinner
	defer pin.Unpin()
	ids := new([64]uint32) // the kernel's limit
	pin.Pin(ids)
	attr := struct {
		target, kind, query, flags uint32
		ids                        uint64
		count, _                   uint32
	}{target: uint32(f.Fd()), kind: unix.BPF_CGROUP_DEVICE, ids: uint64(uintptr(unsafe.Pointer(ids))), count: uint32(len(ids))}
	if _, ok := bpf(unix.BPF_PROG_QUERY, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); !ok {
		return nil
	}
	return ids[:min(int(attr.count), len(ids))]
}
