package engines

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

// TestContainerd runs what containerd's own client can ask a runtime for.
func TestContainerd(t *testing.T) {
	harness.Controller(t, "cpu") // of which the engine sets a limit for every container
	need(t, "containerd", "ctr")
	inPlace(t, 10*time.Minute, func(t *testing.T, dir string) {
		rootfs := busybox(t)
		_, env := containerd(t, dir, `disabled_plugins = ["io.containerd.grpc.v1.cri"]`)
		archive := filepath.Join(dir, "bb.tar")
		writeImage(t, archive, "bb", rootfs, image{Cmd: []string{"/bin/sh"}})
		must(t, env, "ctr images import --snapshotter native "+archive)
		perform(t, "containerd (ctr)", scenarios(t, "ctr.cases"), append(env, "ROOTFS="+rootfs, "CONTAINERD_SNAPSHOTTER=native"))
	})
}

// containerd starts containerd with more lines of configuration. It returns the
// environment of its client.
func containerd(t *testing.T, dir, config string) (e *engine, env []string) {
	t.Helper()
	file := dir + "/config.toml"
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n%s\n[grpc]\naddress = %q\n", dir+"/root", dir+"/state", config, dir+"/c.sock")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), "CONTAINERD_ADDRESS="+dir+"/c.sock", "CONTAINERD_NAMESPACE=engine", "DIR="+dir)
	return daemon(t, dir, []string{"ctr", "version"}, env, "containerd", "--config", file), env
}
