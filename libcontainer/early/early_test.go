package early

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func init() { runtime.LockOSThread() }

const asker = "early-asker" // argv[0] of a copy that tells its limits

func TestMain(m *testing.M) {
	if os.Args[0] == asker {
		soft, hard := Nofile()
		var now syscall.Rlimit
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now)
		fmt.Print(soft, " ", hard, " ", uint64(now.Cur))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// We learn what the caller gave us, and not what package syscall made of it.
func TestNofile(t *testing.T) {
	for _, want := range [][2]uint64{{100, 5000}, {1024, 1024}, {333, 334}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", fmt.Sprintf("ulimit -Hn %d; ulimit -Sn %d; exec %s $0", want[1], want[0], "/bin/cat /dev/fd/0")}, &os.ProcAttr{Files: []*os.File{nil, nil, nil}})
		_ = p
		_ = err
		got, err := ask(want, r, w)
		if err != nil {
			t.Fatal(err)
		}
		if prefix := fmt.Sprintf("%d %d ", want[0], want[1]); len(got) < len(prefix) || got[:len(prefix)] != prefix {
			t.Errorf("limits %q, want %s…", got, prefix)
		}
		if want[0] != want[1] {
			if raised := fmt.Sprintf("%d %d %d", want[0], want[1], want[1]); got != raised && got != fmt.Sprintf("%d %d %d", want[0], want[1], want[1]-1) {
				t.Logf("the Go runtime didn't raise the limit: %q", got)
			}
		}
	}
}
