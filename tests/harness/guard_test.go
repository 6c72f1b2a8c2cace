package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { Main(m) }

// Every kind of residue must be seen, or the guard guards nothing.
func TestLook(t *testing.T) {
	before := look()
	dir := TempDir(t)
	for _, m := range ownMounts() {
		if m.Type != "cgroup" && m.Type != "cgroup2" {
			continue
		}
		path := filepath.Join(m.Point, Unique())
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
	}
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	zombie := exec.Command("true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	defer zombie.Wait()
	rung := running(t)
	defer rung.Wait()
	defer rung.Process.Kill()
	defer unix.Close(loadProgram(t))
	kinds := []string{"cgroup /sys/fs/cgroup/", "mount " + dir, "hasn't waited for", "of the runtime"}
	if View() != V1 {
		kinds = append(kinds, "device program")
	}
	for _, want := range kinds {
		Until(t, "look() sees "+want, func() bool {
			for line := range look() {
				if !before[line] && strings.Contains(line, want) {
					return true
				}
			}
			return false
		})
	}
}

// loadProgram loads a device program of the runtime's name that allows all, and
// attaches it nowhere.
func loadProgram(t *testing.T) (fd int) {
	t.Helper()
	code := []uint64{0x1_0000_00b7, 0x95} // r0 = 1; exit
	license := []byte("Apache-2.0\x00")
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&code[0])
	pin.Pin(&license[0])
	attr := struct {
		typ, count     uint32
		insns, license uint64
		_, _           uint32
		_              uint64
		_, _           uint32
		name           [16]byte
	}{
		typ: unix.BPF_PROG_TYPE_CGROUP_DEVICE, count: uint32(len(code)),
		insns: uint64(uintptr(unsafe.Pointer(&code[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	copy(attr.name[:], deviceProgram)
	const tries = 30 // the verifier gives up when a signal is waiting, and Go sends itself many
	for range tries {
		if fd, ok := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr)); ok {
			return fd
		}
	}
	t.Fatal("the kernel doesn't load a device program")
	return -1
}

// running starts the runtime so that it waits: its standard output is a full pipe.
func running(t *testing.T) *exec.Cmd {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[0]) })
	full := os.NewFile(uintptr(ends[1]), "full")
	defer full.Close()
	size, err := unix.FcntlInt(full.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := full.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(Runtime(), "features")
	cmd.Stdout = full
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}
