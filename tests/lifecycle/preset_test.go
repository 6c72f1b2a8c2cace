package lifecycle

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// presets are those that `spec` lists.
func presets(t *testing.T) (names []string) {
	t.Helper()
	r := (&harness.Cmd{Args: []string{"spec", "--preset", "list"}}).Run(t)
	r.Silent(t)
	for line := range strings.Lines(r.Stdout) {
		names = append(names, strings.Fields(line)[0])
	}
	if len(names) < 10 {
		t.Fatalf("presets: %v", r)
	}
	return names
}

// preset has the bundle's configuration written by `spec`, but for the program; ok is false if the
// presets contradict each other.
func preset(t *testing.T, b *harness.Bundle, list, script string) (ok bool) {
	t.Helper()
	file := b.Dir + "/config.json"
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	r := (&harness.Cmd{Args: []string{"spec", "--bundle", b.Dir, "--preset", list}}).Run(t)
	if r.Code != 0 && strings.Contains(r.Stderr, "contradict each other") {
		return false
	}
	r.Silent(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b.Spec = new(specs.Spec)
	if err := json.Unmarshal(text, b.Spec); err != nil {
		t.Fatal(err)
	}
	b.Spec.Process.Terminal = false
	b.Spec.Process.Args = []string{"/bin/sh", "-c", script}
	b.Spec.Linux.CgroupsPath = "/" + b.ID
	b.Save(t)
	return true
}

// What every preset and every two write is valid, and really runs.
func TestPresets(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "runc has no presets")
	names := presets(t)
	b := harness.New(t)
	b.Chown(t) // for root of the preset userns; and that of rootless makes no mount points there
	if err := os.Mkdir(b.Rootfs+"/run", 0o755); err != nil {
		t.Fatal(err)
	}
	for i, one := range names {
		for _, two := range names[i:] {
			list := one + "," + two
			if !preset(t, b, list, "id -u") {
				continue
			}
			if r := b.Run(t, "validate", b.Dir); r.Code != 0 {
				t.Errorf("%s: %v", list, r)
			}
			want := "0\n"
			if slices.Contains([]string{one, two}, "kubernetes-restricted") {
				want = "65532\n"
			}
			if r := b.Container(t, "run"); r.Code != 0 || r.Stdout != want || r.Stderr != "" {
				t.Errorf("%s: %v, want %q", list, r, want)
			}
		}
	}
}

// A preset gives and takes what its name says.
func TestPresetEffects(t *testing.T) {
	harness.NeedRung(t, "runc has no presets")
	b := harness.New(t)
	own := readLink(t, "/proc/thread-self/ns/net") // the main thread may be in another, by another test
	for list, c := range map[string]struct{ script, want string }{
		"host-network": {"readlink /proc/self/ns/net", own},
		"no-network":   {"ls /sys/class/net", "lo"},
		"writable":     {"echo yes >/file && cat /file", "yes"},
		"readonly":     {"{ echo yes >/other; } 2>/dev/null || echo no", "no"},
		"seccomp":      {"mount -t tmpfs x /tmp 2>/dev/null; grep Seccomp: /proc/self/status", "Seccomp:\t2"},
		"engine-caps":  {"chown 7 /tmp 2>/dev/null; grep CapEff /proc/self/status", "CapEff:\t00000000a80425fb"},
		"kubernetes-restricted": {
			"id -u; id -g; grep -E 'Cap(Eff|Bnd)|NoNew|Seccomp:' /proc/self/status",
			"65532\n65532\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2",
		},
		"systemd": {
			"grep -c ' /run/lock \\| /tmp \\| /run ' /proc/mounts; echo $container; f=/sys/fs/cgroup; [ -d $f/systemd ] && f=$f/systemd; mkdir $f/init && echo 0 >$f/init/cgroup.procs && cat /proc/self/cgroup | grep -c /init$",
			"3\noci\n1",
		},
	} {
		if !preset(t, b, list, c.script) {
			t.Fatalf("%s contradicts itself", list)
		}
		if r := b.Container(t, "run"); r.Code != 0 || strings.TrimSpace(r.Stdout) != c.want {
			t.Errorf("%s: %v, want %q", list, r, c.want)
		}
	}
}

// systemd itself, the host's, comes up by its preset, runs a service in a cgroup of its own, and ends by its stop signal.
func TestPresetSystemd(t *testing.T) {
	harness.NeedRung(t, "runc has no presets")
	if _, err := os.Stat("/usr/lib/systemd/systemd"); err != nil {
		t.Skip("the host has no systemd")
	}
	b := harness.Empty(t, harness.Template(t))
	for _, dir := range []string{"usr", "etc/systemd/system", "var", "proc", "sys", "dev", "run", "tmp"} {
		if err := os.MkdirAll(b.Rootfs+"/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+name, b.Rootfs+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	b.Write(t, "etc/machine-id", "", 0o644)
	b.Write(t, "etc/systemd/system/default.target", "[Unit]\nRequires=proof.service\nAllowIsolate=yes\n", 0o644)
	b.Write(t, "etc/systemd/system/proof.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sh -c 'cat /proc/self/cgroup >/var/new && mv /var/new /var/proof; sleep 1000'\n", 0o644)
	if !preset(t, b, "systemd", "") {
		t.Fatal("systemd contradicts itself")
	}
	b.Spec.Process.Args = []string{"/usr/lib/systemd/systemd", "--system"}
	b.Spec.Mounts = append(b.Spec.Mounts, specs.Mount{Destination: "/usr", Source: "/usr", Options: []string{"rbind", "ro", "rprivate"}})
	b.Save(t)
	pid := b.Running(t)
	var proof []byte
	harness.Until(t, "service of systemd", func() bool {
		var err error
		proof, err = os.ReadFile(b.Rootfs + "/var/proof")
		return err == nil
	})
	if !strings.Contains(string(proof), "/system.slice/proof.service\n") {
		t.Errorf("cgroups of the service: %s", proof)
	}
	b.Must(t, "kill", "SIGRTMIN+3")
	if ws := harness.Wait(t, pid); ws.Signaled() && ws.Signal() == unix.SIGKILL {
		t.Errorf("systemd ended by %v", ws.Signal())
	}
	b.Must(t, "delete")
}

func readLink(t *testing.T, path string) string {
	t.Helper()
	to, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return to
}
