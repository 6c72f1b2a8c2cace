// Package engines runs the configurations that real engines wrote (containerd's
// ctr and CRI, Docker, Podman, buildah), changed no more than another host asks
// for, and compares what the container sees with what the engine wanted.
package engines

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/report"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestConfigs(t *testing.T) {
	files, err := filepath.Glob("testdata/*-config-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			harness.Share(t)
			run(t, file)
		})
	}
}

func run(t *testing.T, file string) {
	b := bundle(t, file, func(s *specs.Spec) []string { return append([]string{"/bin/probe"}, wanted(s)...) })
	text := probe(t, b)
	compare(t, b.Spec, harness.ParseReport(t, text))
}

// bundle is one of an engine's configuration, with other arguments.
func bundle(t *testing.T, file string, args func(*specs.Spec) []string) *harness.Bundle {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := new(specs.Spec)
	if err := json.Unmarshal(data, s); err != nil {
		t.Fatal(err)
	}
	b := harness.New(t)
	cgroup := s.Linux.CgroupsPath
	a := &adapter{t: t, b: b, host: harness.TempDir(t) + "/host"}
	a.adapt(s)
	t.Logf("adapted to this host: %s", list(a.notes))
	s.Process.Args = args(s)
	b.Spec = s
	if cgroup == "" {
		t.Logf("without a cgroup path")
	}
	b.Save(t)
	uid, gid := hostID(s.Linux.UIDMappings), hostID(s.Linux.GIDMappings)
	b.Give(t, uid, gid)
	os.Chown(a.host, uid, gid)
	return b
}

func list(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

func hostID(maps []specs.LinuxIDMapping) int {
	for _, m := range maps {
		if m.ContainerID == 0 {
			return int(m.HostID)
		}
	}
	return 0
}

// probe runs the container as the engine would: create, start, wait, delete.
func probe(t *testing.T, b *harness.Bundle) (text string) {
	t.Helper()
	var flags []string
	var recv *harness.Receiver
	if b.Spec.Process.Terminal {
		recv = harness.Receive(t)
		flags = []string{"--console-socket", recv.Path}
	}
	c := b.Cmd(append([]string{"create"}, flags...)...)
	log := b.Dir + "/log.json"
	c.Args = append([]string{"--log", log, "--log-format", "json"}, c.Args...)
	pid, r := b.CreateBy(t, c)
	onlyExpected(t, log)
	if recv != nil {
		pty := recv.Console(t)
		b.Must(t, "start")
		text = pty.All(t)
	} else {
		b.Must(t, "start")
	}
	ws := harness.Wait(t, pid)
	if recv == nil {
		text = r.Reread(t)
	}
	if ws.ExitStatus() != 0 {
		t.Fatalf("status %x: %s", ws, text)
	}
	b.Must(t, "delete")
	return text
}

// onlyExpected checks that the log has no other warning than that of buildah's ambient
// capabilities, which aren't inheritable.
func onlyExpected(t *testing.T, log string) {
	t.Helper()
	data, _ := os.ReadFile(log)
	for line := range strings.Lines(string(data)) {
		if !strings.Contains(line, "can't raise ambient capabilit") {
			t.Errorf("log: %s", line)
		}
	}
}

// wanted lists what the probe is to look at.
func wanted(s *specs.Spec) (tries []string) {
	for _, d := range s.Linux.Devices {
		tries = append(tries, "stat:"+d.Path)
	}
	for name := range s.Linux.Sysctl {
		tries = append(tries, "read:/proc/sys/"+strings.ReplaceAll(name, ".", "/"))
	}
	for _, p := range s.Linux.MaskedPaths {
		tries = append(tries, "list:"+p, "read:"+p)
	}
	for _, p := range s.Linux.ReadonlyPaths {
		tries = append(tries, "create:"+p+"/new")
	}
	return append(tries, "create:/probe-was-here")
}

func compare(t *testing.T, s *specs.Spec, r *report.Report) {
	t.Helper()
	u := s.Process.User
	if r.UID[0] != int(u.UID) || r.GID[0] != int(u.GID) {
		t.Errorf("user %d:%d, want %d:%d", r.UID[0], r.GID[0], u.UID, u.GID)
	}
	for _, g := range u.AdditionalGids {
		if !slices.Contains(r.Groups, int(g)) {
			t.Errorf("groups %v, want %d too", r.Groups, g)
		}
	}
	if u.Umask != nil && r.Umask != int(*u.Umask) {
		t.Errorf("umask %o, want %o", r.Umask, *u.Umask)
	}
	if r.Cwd != s.Process.Cwd {
		t.Errorf("cwd %q, want %q", r.Cwd, s.Process.Cwd)
	}
	for _, e := range s.Process.Env {
		if !slices.Contains(r.Env, e) {
			t.Errorf("environment lacks %q", e)
		}
	}
	if s.Hostname != "" && r.Hostname != s.Hostname {
		t.Errorf("hostname %q, want %q", r.Hostname, s.Hostname)
	}
	if adj := s.Process.OOMScoreAdj; adj != nil && r.OOMScore != strconv.Itoa(*adj) {
		t.Errorf("oom_score_adj %s, want %d", r.OOMScore, *adj)
	}
	if (r.TTY != nil) != s.Process.Terminal {
		t.Errorf("terminal %+v, want %v", r.TTY, s.Process.Terminal)
	}
	compareCapabilities(t, s, r)
	compareNamespaces(t, s, r)
	compareMounts(t, s, r)
	comparePaths(t, s, r)
}

func compareCapabilities(t *testing.T, s *specs.Spec, r *report.Report) {
	t.Helper()
	if s.Process.Capabilities == nil {
		return
	}
	got, err := strconv.ParseUint(r.Status["CapBnd"], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; got != 0; got &= got - 1 {
		n++
	}
	if want := len(s.Process.Capabilities.Bounding); n != want {
		t.Errorf("bounding set %s has %d capabilities, want %d", r.Status["CapBnd"], n, want)
	}
	if want := map[bool]string{true: "1", false: "0"}[s.Process.NoNewPrivileges]; r.Status["NoNewPrivs"] != want {
		t.Errorf("NoNewPrivs %s, want %s", r.Status["NoNewPrivs"], want)
	}
}

func compareNamespaces(t *testing.T, s *specs.Spec, r *report.Report) {
	t.Helper()
	files := map[specs.LinuxNamespaceType]string{
		specs.PIDNamespace: "pid", specs.NetworkNamespace: "net", specs.MountNamespace: "mnt",
		specs.IPCNamespace: "ipc", specs.UTSNamespace: "uts", specs.UserNamespace: "user", specs.CgroupNamespace: "cgroup",
	}
	for kind, file := range files {
		want := slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
		own, err := os.Readlink("/proc/self/ns/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Namespaces[file] != own; got != want {
			t.Errorf("a new %s namespace: %v, want %v", kind, got, want)
		}
	}
}

func compareMounts(t *testing.T, s *specs.Spec, r *report.Report) {
	t.Helper()
	for i, m := range s.Mounts {
		got := r.Mount(m.Destination)
		switch {
		case slices.ContainsFunc(s.Mounts[i+1:], func(later specs.Mount) bool { return later.Destination == m.Destination }):
		case got == nil:
			t.Errorf("no mount at %s", m.Destination)
		case m.Type == "cgroup":
		case m.Type != "bind" && m.Type != "none" && got.Type != m.Type:
			t.Errorf("%s is a %s, want a %s", m.Destination, got.Type, m.Type)
		default:
			for _, word := range []string{"ro", "nosuid", "nodev", "noexec"} {
				if slices.Contains(m.Options, word) && !strings.Contains(","+got.Options+",", ","+word+",") {
					t.Errorf("%s has options %s, want %s", m.Destination, got.Options, word)
				}
			}
		}
	}
	if got := r.Mount("/"); got == nil || strings.HasPrefix(got.Options, "ro") != s.Root.Readonly {
		t.Errorf("root %+v, want read-only: %v", got, s.Root.Readonly)
	}
}

func comparePaths(t *testing.T, s *specs.Spec, r *report.Report) {
	t.Helper()
	for _, d := range s.Linux.Devices {
		got := r.Tries["stat:"+d.Path]
		want := " " + strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10)
		if d.Path == "/dev/ptmx" {
			want = "ok link 0777 0:0" // of the container's own devpts
		}
		if d.Type != "p" && !strings.HasSuffix(got, want) {
			t.Errorf("device %s: %s, want%s", d.Path, got, want)
		}
	}
	for name, value := range s.Linux.Sysctl {
		got := strings.Join(strings.Fields(strings.TrimPrefix(r.Tries["read:/proc/sys/"+strings.ReplaceAll(name, ".", "/")], "ok ")), " ")
		if got != value {
			t.Errorf("sysctl %s = %s, want %s", name, got, value)
		}
	}
	for _, p := range s.Linux.MaskedPaths {
		if l, c := r.Tries["list:"+p], r.Tries["read:"+p]; len(l) > 2 && strings.HasPrefix(l, "ok ") || strings.HasPrefix(c, "ok ") {
			t.Errorf("masked %s: list %q, read %q", p, l, c)
		}
	}
	for _, p := range s.Linux.ReadonlyPaths {
		if got := r.Tries["create:"+p+"/new"]; got == "ok" {
			t.Errorf("read-only %s: a file could be made in it", p)
		}
	}
	for name := range r.FDs {
		if name > 2 {
			t.Errorf("descriptor %d is %s", name, r.FDs[name])
		}
	}
}
