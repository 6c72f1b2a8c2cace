package engines

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// TestDocker runs what an ordinary user of Docker asks a runtime for.
func TestDocker(t *testing.T) {
	need(t, "dockerd", "docker")
	inPlace(t, 10*time.Minute, func(t *testing.T, dir string) {
		perform(t, "docker", scenarios(t, "docker.cases"), docker(t, dir))
	})
}

// docker starts dockerd with an image "bb" of busybox. It returns the environment
// of its client.
func docker(t *testing.T, dir string) (env []string) {
	t.Helper()
	_, env = dockerd(t, dir)
	load(t, env, `docker import -c 'CMD ["/bin/sh"]' - bb`)
	return env
}

// dockerd starts dockerd with the runtimes, by a command that comes before it.
func dockerd(t *testing.T, dir string, by ...string) (e *engine, env []string) {
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
		"exec-opts": []string{"native.cgroupdriver=cgroupfs"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/daemon.json", config, 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), "DOCKER_HOST=unix://"+dir+"/docker.sock", "DOCKER_CONFIG="+dir+"/client", "DIR="+dir)
	return daemon(t, dir, []string{"docker", "version"}, env, append(by, "dockerd", "--config-file", dir+"/daemon.json")...), env
}
