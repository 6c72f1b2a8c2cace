// The test is outside of the package: one inside would have it import syscall.
package early_test

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/rung-oci/rung/internal/early"
	"github.com/rung-oci/rung/internal/testbed"
)

const ask = "RUNG_TEST_EARLY" // set in a copy that tells its limits

func TestMain(m *testing.M) {
	if os.Getenv(ask) != "" {
		soft, hard := early.Nofile()
		var now syscall.Rlimit
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now)
		fmt.Print(soft, " ", hard, " ", now.Cur)
		os.Exit(0)
	}
	testbed.Main(m)
}

// We learn what the caller gave us, and not what package syscall made of it.
func TestNofile(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	raised := false
	for _, want := range [][2]uint64{{100, 5000}, {1024, 1024}, {333, 334}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf(`ulimit -Sn %d && ulimit -Hn %d && exec "$0"`, want[0], want[1])
		p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", script, exe}, &os.ProcAttr{Files: []*os.File{nil, w, w}, Env: []string{ask + "=1"}})
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(5*time.Second, func() { _ = p.Kill() })
		text, _ := io.ReadAll(r)
		_, _ = p.Wait()
		timer.Stop()
		r.Close()
		var soft, hard, now uint64
		if _, err := fmt.Sscan(string(text), &soft, &hard, &now); err != nil || soft != want[0] || hard != want[1] {
			t.Errorf("Nofile() = %q (soft, hard, now), want %d %d", text, want[0], want[1])
		}
		raised = raised || now != soft
	}
	if !raised {
		t.Error("the Go runtime doesn't raise the limit any more: this package isn't needed")
	}
}
