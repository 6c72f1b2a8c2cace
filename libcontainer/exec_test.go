package libcontainer

import (
	"errors"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/launch"
)

// A process that was killed before it ran its program has met the end of the container, where that comes soon.
func TestKilledWithTheContainer(t *testing.T) {
	init := exec.Command("sleep", "0.5")
	if err := init.Start(); err != nil {
		t.Fatal(err)
	}
	defer init.Wait()
	x := &execution{}
	var err error
	if x.pidfd, err = fdio.Of(unix.PidfdOpen(init.Process.Pid, 0)); err != nil {
		t.Fatal(err)
	}
	defer x.pidfd.Close()
	if err := x.ended(&launch.Death{Err: errKilled}); !errors.Is(err, ErrStopped) {
		t.Errorf("%v, want %v", err, ErrStopped)
	}
}
