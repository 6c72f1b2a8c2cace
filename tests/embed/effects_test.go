package embed

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// descriptors is how many our process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// handler is where the kernel goes when our process gets a SIGTERM.
func handler(t *testing.T) uintptr {
	t.Helper()
	var action [16]uintptr
	if _, _, e := unix.Syscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTERM), 0, uintptr(unsafe.Pointer(&action)), unsafe.Sizeof(uint64(0)), 0, 0); e != 0 {
		t.Fatal(e)
	}
	return action[0]
}

// What the effects change is given back when Run ends: processors of Go's, descriptors, and handlers of signals.
func TestEffectsGivenBack(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Shell("exit 3"), func(s *specs.Spec) { s.Process.Terminal = true })
	r := runtimeOf(t, b)
	r.Effects = libcontainer.Effects{Signals: true, SpareProcessor: true}
	usual := handler(t)
	processors, open := runtime.GOMAXPROCS(0), 0
	for i := range 4 {
		status, err := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir, Stdout: new(strings.Builder)}})
		if status != 3 || err != nil {
			t.Fatalf("Run = %v, %v", status, err)
		}
		if i == 0 {
			open = descriptors(t)
		}
	}
	if now := handler(t); now != usual {
		t.Errorf("the handler of SIGTERM is at %#x, was at %#x", now, usual)
	}
	time.Sleep(50 * time.Millisecond)
	if now := descriptors(t); now > open {
		t.Errorf("%d descriptors, %d after the first Run", now, open)
	}
	if now := runtime.GOMAXPROCS(0); now != processors {
		t.Errorf("GOMAXPROCS is %d, was %d", now, processors)
	}
}
