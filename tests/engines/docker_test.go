package engines

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// TestDocker runs what an ordinary user of Docker asks a runtime for.
func TestDocker(t *testing.T) {
	dir := workplace(t)
	env := docker(t, dir)
	perform(t, "docker", scenarios(t, "docker.cases"), env)
}

// docker starts dockerd with the runtimes and an image "bb" of busybox. It
// returns the environment of its client.
func docker(t *testing.T, dir string) (env []string) {
	t.Helper()
	known := map[string]any{}
	for name, path := range runtimes() {
		if name != "runc" { // which is dockerd's own
			known[name] = map[string]string{"path": path}
		}
	}
	config, err := json.Marshal(map[string]any{
		"data-root": dir + "/root", "exec-root": dir + "/exec", "pidfile": dir + "/pid",
		"hosts": []string{"unix://" + dir + "/docker.sock"}, "runtimes": known, "default-runtime": "rung",
		"iptables": false, "bridge": "none", "storage-driver": "vfs",
		"exec-opts": []string{"native.cgroupdriver=cgroupfs"}, "cgroup-parent": cgroupParent(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/daemon.json", config, 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), "DOCKER_HOST=unix://"+dir+"/docker.sock", "DOCKER_CONFIG="+dir+"/client", "DIR="+dir)
	start(t, dir, []string{"docker", "version"}, env, "dockerd", "--config-file", dir+"/daemon.json")
	load(t, env, `docker import -c 'CMD ["/bin/sh"]' - bb`)
	return env
}

// load gives an engine an image of busybox, as a tar archive.
func load(t *testing.T, env []string, command string) {
	t.Helper()
	b := harness.New(t)
	c := exec.Command("sh", "-c", `tar -C "$ROOTFS" -c . | `+command)
	c.Env = append(env, "ROOTFS="+b.Dir+"/rootfs")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
