package engines

import (
	"encoding/json"
	"maps"
	"os"
	"testing"
	"time"
)

// TestDocker runs what an ordinary user of Docker asks a runtime for.
func TestDocker(t *testing.T) {
	need(t, "dockerd", "docker")
	inPlace(t, 10*time.Minute, func(t *testing.T, dir string) {
		perform(t, "Docker", scenarios(t, "docker.cases"), docker(t, dir, cgroupfs, nil))
	})
}

// TestDockerSystemd does so where systemd makes the cgroups, Docker's default on
// hosts of today.
func TestDockerSystemd(t *testing.T) {
	need(t, "dockerd", "docker")
	onHost(t, func(t *testing.T, dir string) {
		perform(t, "Docker, systemd", scenarios(t, "docker.cases"), docker(t, dir, systemd, nil))
	})
}

// TestDockerUserNamespace has dockerd give every container a user namespace.
func TestDockerUserNamespace(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test: make test-engines")
	}
	need(t, "dockerd", "docker")
	inPlace(t, 5*time.Minute, func(t *testing.T, dir string) {
		env := docker(t, dir, cgroupfs, map[string]any{"userns-remap": "rungt"})
		perform(t, "Docker, userns-remap", scenarios(t, "docker-userns.cases"), env)
	})
}

// docker starts dockerd with an image "bb" of busybox. It returns the environment
// of its client.
func docker(t *testing.T, dir, driver string, more map[string]any) (env []string) {
	t.Helper()
	_, env = dockerd(t, dir, driver, more)
	load(t, env, `docker import -c 'CMD ["/bin/sh"]' - bb`)
	return env
}

// dockerd starts dockerd with the runtimes, a driver of cgroups and more
// configuration, by a command that comes before it.
func dockerd(t *testing.T, dir, driver string, more map[string]any, by ...string) (e *engine, env []string) {
	t.Helper()
	known := map[string]any{}
	for name, path := range runtimes() {
		if name != "runc" { // which is dockerd's own
			known[name] = map[string]string{"path": path}
		}
	}
	config := map[string]any{
		"data-root": dir + "/root", "exec-root": dir + "/exec", "pidfile": dir + "/pid",
		"hosts": []string{"unix://" + dir + "/docker.sock"}, "runtimes": known, "default-runtime": "rung",
		"iptables": false, "bridge": "none", "storage-driver": "vfs",
		"exec-opts": []string{"native.cgroupdriver=" + driver},
	}
	maps.Copy(config, more)
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/daemon.json", text, 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), "DOCKER_HOST=unix://"+dir+"/docker.sock", "DOCKER_CONFIG="+dir+"/client", "DIR="+dir)
	return daemon(t, dir, driver, []string{"docker", "version"}, env, append(by, "dockerd", "--config-file", dir+"/daemon.json")...), env
}
