package engines

import (
	"os"
	"testing"
	"time"
)

// TestPodman runs what root asks Podman for, and what Podman builds.
func TestPodman(t *testing.T) {
	need(t, "podman", "conmon")
	inPlace(t, 15*time.Minute, func(t *testing.T, dir string) {
		env := podman(t, dir)
		load(t, env, `podman import -c 'CMD ["/bin/sh"]' - bb`)
		perform(t, "Podman", scenarios(t, "podman.cases"), env)
	})
}

// TestBuildah has buildah run the steps of a build.
func TestBuildah(t *testing.T) {
	need(t, "buildah", "podman")
	inPlace(t, 5*time.Minute, func(t *testing.T, dir string) {
		env := podman(t, dir)
		load(t, env, `podman import - bb`)
		perform(t, "buildah", scenarios(t, "buildah.cases"), env)
	})
}

// podman puts commands first in the PATH that give Podman and buildah a storage of
// their own and the runtime $BIN, and returns the environment with it.
func podman(t *testing.T, dir string) (env []string) {
	t.Helper()
	for name, flags := range map[string]string{
		"podman":  `--runtime "${BIN:-/usr/sbin/runc}" --cgroup-manager cgroupfs --events-backend file --tmpdir "$DIR/tmp" --volumepath "$DIR/volumes"`,
		"buildah": ``,
	} {
		script := "#!/bin/sh\nexec /usr/bin/" + name + ` --root "$DIR/storage" --runroot "$DIR/run" --storage-driver vfs ` + flags + ` "$@"` + "\n"
		if err := os.MkdirAll(dir+"/cmd", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/cmd/"+name, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return append(os.Environ(), "DIR="+dir, "PATH="+dir+"/cmd:"+os.Getenv("PATH"), "HOME="+dir)
}
