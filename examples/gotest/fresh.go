// Package fresh helps tests whose commands are to run each in a fresh container: with nothing of the host's but a root filesystem that they can't
// change, no network, and no process that stays.
package fresh

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rung-oci/rung/libcontainer"
)

var serial atomic.Int32

// Run runs a command in a container that is gone when Run returns, and tells its exit status and what it has printed. The root filesystem is $ROOTFS; a test is
// skipped where there is none, or for who isn't root. The command ends with the test at the latest.
func Run(t testing.TB, stdin string, args ...string) (libcontainer.ExitStatus, string) {
	t.Helper()
	if os.Getenv("ROOTFS") == "" || os.Geteuid() != 0 {
		t.Skip("needs ROOTFS, a directory with a root filesystem, and root")
	}
	spec := libcontainer.DefaultSpec()
	spec.Root.Path, spec.Process.Args, spec.Process.Terminal = os.Getenv("ROOTFS"), args, false
	var out strings.Builder
	runtime := &libcontainer.Runtime{Root: t.TempDir(), Warn: t.Logf}
	status, err := runtime.Run(t.Context(), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{
		ID:   fmt.Sprintf("fresh-%d-%d", os.Getpid(), serial.Add(1)),
		Spec: spec, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out,
	}})
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return status, out.String()
}
