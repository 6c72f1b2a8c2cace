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
		perform(t, "containerd (ctr)", scenarios(t, "ctr.cases"), ctr(t, dir, cgroupfs))
	})
}

// TestContainerdSystemd does so where systemd makes the cgroups.
func TestContainerdSystemd(t *testing.T) {
	need(t, "containerd", "ctr")
	onHost(t, func(t *testing.T, dir string) {
		perform(t, "containerd (ctr), systemd", scenarios(t, "ctr.cases"), ctr(t, dir, systemd))
	})
}

// ctr starts containerd with an image "bb" of busybox. The client is a script that
// adds to `ctr run` what says where the container's cgroup is to be: $GROUP
// matches its directory.
func ctr(t *testing.T, dir, driver string) (env []string) {
	t.Helper()
	rootfs := busybox(t)
	_, env = containerd(t, dir, driver, `disabled_plugins = ["io.containerd.grpc.v1.cri"]`)
	archive := filepath.Join(dir, "bb.tar")
	writeImage(t, archive, "bb", rootfs, image{Cmd: []string{"/bin/sh"}})
	must(t, env, "ctr images import --snapshotter native "+archive)
	env = append(env, "ROOTFS="+rootfs, "CONTAINERD_SNAPSHOTTER=native")
	if driver != systemd {
		return append(env, "GROUP=/sys/fs/cgroup/engine/r1")
	}
	script := `#!/bin/sh
[ "$1" = run ] || exec /usr/bin/ctr "$@"
shift
exec /usr/bin/ctr run --runc-systemd-cgroup --cgroup "system.slice:rungt:$(cat /proc/sys/kernel/random/uuid)" "$@"
`
	if err := os.MkdirAll(dir+"/cmd", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/cmd/ctr", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return append(env, "PATH="+dir+"/cmd:"+os.Getenv("PATH"), "GROUP=/sys/fs/cgroup/system.slice/rungt-*.scope")
}

// containerd starts containerd with more lines of configuration. It returns the
// environment of its client.
func containerd(t *testing.T, dir, driver, config string) (e *engine, env []string) {
	t.Helper()
	file := dir + "/config.toml"
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n%s\n[grpc]\naddress = %q\n", dir+"/root", dir+"/state", config, dir+"/c.sock")
	if harness.Emulated() { // two seconds and more, after which a running task has the pid 0
		text += "[timeouts]\n"
		for _, name := range []string{"task.state", "shim.load", "shim.cleanup", "shim.shutdown"} {
			text += fmt.Sprintf("%q = \"60s\"\n", "io.containerd.timeout."+name)
		}
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), "CONTAINERD_ADDRESS="+dir+"/c.sock", "CONTAINERD_NAMESPACE=engine", "DIR="+dir)
	return daemon(t, dir, driver, []string{"ctr", "version"}, env, "containerd", "--config", file), env
}
