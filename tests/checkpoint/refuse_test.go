package checkpoint

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// What couldn't be restored isn't dumped: it would be gone.
func TestNoMountNamespace(t *testing.T) {
	x := plain(t, harness.WithoutNS(specs.MountNamespace), func(s *specs.Spec) {
		s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
	})
	c := x.cmd("checkpoint", "--image-path", x.images(), x.ID)
	c.Env = []string{fake(t, "exit 3")}
	c.Run(t).Fails(t, 1, "linux.namespaces: a container without a mount namespace of its own couldn't be restored")
	x.lives(t)
}

// A configuration of CRIU's that is none, and one that CRIU refuses with words that it has printed.
func TestConfiguration(t *testing.T) {
	dir := harness.TempDir(t)
	file := dir + "/criu.conf"
	x := plain(t, func(s *specs.Spec) { s.Annotations = map[string]string{"org.criu.config": file} })
	c := x.cmd("checkpoint", "--image-path", x.images(), x.ID)
	c.Env = []string{fake(t, "exit 3")}
	c.Run(t).Fails(t, 1, "configuration of criu: open "+file+": no such file or directory")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	c.Run(t).Fails(t, 1, "configuration of criu: open "+file+": is a directory")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.lives(t)
	need(t)
	x.call(t, "checkpoint", "--image-path", x.images(), x.ID).Fails(t, 1, "nonsense")
	x.lives(t)
}

// A container whose dump is left alone by a signal runs on: CRIU takes back what it has done when there is nobody to ask.
func TestSignals(t *testing.T) {
	need(t)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			x := begun(t)
			p := x.cmd("checkpoint", "--image-path", x.images(), x.ID).Start(t)
			for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if text, _ := os.ReadFile(x.images() + "/dump.log"); strings.Contains(string(text), "Seized task") {
					break
				}
			}
			p.Process.Signal(sig)
			p.Cmd.Wait()
			harness.Until(t, "it runs", func() bool { return strings.Contains(x.call(t, "state", x.ID).Stdout, `"status": "running"`) })
			x.lives(t)
		})
	}
}
