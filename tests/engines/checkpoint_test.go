package engines

import (
	"testing"
	"time"
)

// TestPodmanCheckpoint has Podman dump containers and bring them back.
func TestPodmanCheckpoint(t *testing.T) {
	needCRIU(t)
	need(t, "podman", "conmon")
	onHost(t, func(t *testing.T, dir string) {
		env := podman(t, dir, systemd)
		load(t, env, `podman import -c 'CMD ["/bin/sh"]' - bb`)
		perform(t, "Podman, systemd: checkpoints", scenarios(t, "podman-checkpoint.cases"), env)
	})
}

// TestPodmanCheckpointCgroupfs does so with cgroups of Podman's own.
func TestPodmanCheckpointCgroupfs(t *testing.T) {
	needCRIU(t)
	need(t, "podman", "conmon")
	inPlace(t, 15*time.Minute, func(t *testing.T, dir string) {
		env := podman(t, dir, cgroupfs)
		load(t, env, `podman import -c 'CMD ["/bin/sh"]' - bb`)
		perform(t, "Podman: checkpoints", scenarios(t, "podman-checkpoint.cases"), env)
	})
}

// TestDockerCheckpoint has an experimental dockerd do so, which fails at times with
// any runtime: rung must not fail what runc doesn't, see perform.
func TestDockerCheckpoint(t *testing.T) {
	needCRIU(t)
	need(t, "dockerd", "docker")
	onHost(t, func(t *testing.T, dir string) {
		env := docker(t, dir, systemd, map[string]any{"experimental": true})
		perform(t, "Docker, systemd: checkpoints", scenarios(t, "docker-checkpoint.cases"), env)
	})
}

// TestContainerdCheckpoint does so by containerd's own client.
func TestContainerdCheckpoint(t *testing.T) {
	needCRIU(t)
	need(t, "containerd", "ctr")
	onHost(t, func(t *testing.T, dir string) {
		perform(t, "containerd (ctr), systemd: checkpoints", scenarios(t, "ctr-checkpoint.cases"), ctr(t, dir, systemd))
	})
}
