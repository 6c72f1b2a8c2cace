package engines

import (
	"os"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

// TestPodman runs what root asks Podman for, and what Podman builds.
func TestPodman(t *testing.T) {
	harness.Controller(t, "pids") // of which the engine sets a limit for every container
	need(t, "podman", "conmon")
	inPlace(t, 15*time.Minute, func(t *testing.T, dir string) {
		env := podman(t, dir, cgroupfs)
		load(t, env, `podman import -c 'CMD ["/bin/sh"]' - bb`)
		perform(t, "Podman", scenarios(t, "podman.cases"), env)
	})
}

// TestPodmanSystemd does so where systemd makes the cgroups, Podman's default on
// hosts of today.
func TestPodmanSystemd(t *testing.T) {
	need(t, "podman", "conmon")
	onHost(t, func(t *testing.T, dir string) {
		env := podman(t, dir, systemd)
		load(t, env, `podman import -c 'CMD ["/bin/sh"]' - bb`)
		perform(t, "Podman, systemd", scenarios(t, "podman.cases"), env)
	})
}

// TestPodmanRootless runs what an ordinary user asks Podman for.
func TestPodmanRootless(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test: make test-engines")
	}
	need(t, "podman", "conmon", "newuidmap")
	inPlace(t, 10*time.Minute, func(t *testing.T, dir string) {
		env := podmanRootless(t, dir)
		load(t, env, `podman import -c 'CMD ["/bin/sh"]' - bb`)
		perform(t, "Podman, rootless", scenarios(t, "podman-rootless.cases"), env)
	})
}

// TestPodmanSession does so in a session of the user's systemd, which makes the
// cgroups.
func TestPodmanSession(t *testing.T) {
	need(t, "podman", "conmon", "newuidmap")
	onHost(t, func(t *testing.T, dir string) {
		env := podmanSession(t, dir)
		load(t, env, `podman import -c 'CMD ["/bin/sh"]' - bb`)
		perform(t, "Podman, rootless, systemd", scenarios(t, "podman-rootless.cases"), env)
	})
}

// podmanSession is [podmanRootless] in services of the user's systemd. The user is
// made here, as the place of the others has him.
func podmanSession(t *testing.T, dir string) (env []string) {
	t.Helper()
	env = podman(t, dir, systemd)
	must(t, env, `userdel rungt 2>/dev/null
useradd -M -d "$DIR/home" -u 4711 -U rungt && sed -i /^rungt:/d /etc/subuid /etc/subgid &&
echo rungt:200000:65536 | tee -a /etc/subuid >>/etc/subgid &&
mkdir -p "$DIR/home" && chown rungt:rungt "$DIR/home" && chmod 711 "$DIR" && loginctl enable-linger rungt
n=0; until nsenter -t 1 -m test -S /run/user/4711/bus; do # it is mounted there alone
	n=$((n + 1)); [ $n -lt 600 ] || exit 1; sleep 0.1
done`)
	t.Cleanup(func() {
		must(t, env, `loginctl disable-linger rungt; loginctl terminate-user rungt; n=0
until userdel rungt; do n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.3; done; sed -i /^rungt:/d /etc/subuid /etc/subgid`)
	})
	script := `#!/bin/sh
exec systemd-run --quiet --collect --user --machine=rungt@.host --pipe --wait --working-directory="$DIR/home" -p Delegate=yes -p KillMode=process \
	-E HOME="$DIR/home" -E USER=rungt -E XDG_RUNTIME_DIR=/run/user/4711 -E DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/4711/bus \
	-E PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin -E TERM="$TERM" \
	podman --root "$DIR/home/storage" --runroot "$DIR/home/run" --storage-driver vfs --cgroup-manager systemd --events-backend file \
	--runtime "${BIN:-/usr/sbin/runc}" "$@"
`
	if err := os.WriteFile(dir+"/cmd/podman", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return env
}

// podmanRootless is [podman] for the user rungt.
func podmanRootless(t *testing.T, dir string) (env []string) {
	t.Helper()
	env = podman(t, dir, cgroupfs)
	must(t, env, "mkdir -p $DIR/home /run/user/4711 && chown rungt:rungt $DIR/home /run/user/4711 && chmod 700 /run/user/4711 && chmod 711 $DIR")
	script := `#!/bin/sh
cd "$DIR/home" && exec setpriv --reuid 4711 --regid 4711 --clear-groups env -i HOME="$DIR/home" USER=rungt XDG_RUNTIME_DIR=/run/user/4711 \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="$TERM" \
	podman --root "$DIR/home/storage" --runroot "$DIR/home/run" --storage-driver vfs --cgroup-manager cgroupfs --events-backend file \
	--runtime "${BIN:-/usr/sbin/runc}" "$@"
`
	if err := os.WriteFile(dir+"/cmd/podman", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return env
}

// TestBuildah has buildah run the steps of a build.
func TestBuildah(t *testing.T) {
	need(t, "buildah", "podman")
	inPlace(t, 5*time.Minute, func(t *testing.T, dir string) {
		env := podman(t, dir, cgroupfs)
		load(t, env, `podman import - bb`)
		perform(t, "buildah", scenarios(t, "buildah.cases"), env)
	})
}

// podman puts commands first in the PATH that give Podman and buildah a storage of
// their own, a driver of cgroups and the runtime $BIN, and returns the environment with it.
func podman(t *testing.T, dir, driver string) (env []string) {
	t.Helper()
	for name, flags := range map[string]string{
		"podman":  `--runtime "${BIN:-/usr/sbin/runc}" --cgroup-manager ` + driver + ` --events-backend file --tmpdir "$DIR/tmp" --volumepath "$DIR/volumes"`,
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
