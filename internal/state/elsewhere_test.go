package state

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
)

// A pid of another pid namespace is nobody's here, also where the kernel has no serial numbers and a process has the same pid and time of start.
func TestElsewhere(t *testing.T) {
	fs, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	st, err := fs.Stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	boot, err := BootID(fs)
	if err != nil {
		t.Fatal(err)
	}
	r := &Record{PID: os.Getpid(), Start: st.Start, BootID: boot, PIDs: fs.PIDNamespace()}
	pidfd, err := r.Pidfd(fs)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pidfd)
	r.PIDs++
	if _, err := r.Pidfd(fs); !errors.Is(err, unix.ESRCH) {
		t.Errorf("a pid of another pid namespace: %v", err)
	}
	if alive, err := r.Alive(fs); alive || err != nil {
		t.Errorf("a pid of another pid namespace is alive: %v, %v", alive, err)
	}
}
