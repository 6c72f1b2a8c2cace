// Package isolation compares what a container sees and reaches, by default and by the same configuration, with what
// the containers of runc and crun do.
package isolation

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

var update = flag.Bool("update", false, "write docs/isolation.md: in the v1 view, which all runtimes take")

func TestMain(m *testing.M) { harness.Main(m) }

// A runtime is one that is compared with.
type runtime struct{ name, path string }

// runtimes are rung, and those beside it that this view has.
func runtimes(t *testing.T) (list []runtime) {
	t.Helper()
	list = []runtime{{"rung", harness.Runtime()}}
	out, err := exec.Command("../differ/runc.sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, runtime{"runc", strings.TrimSpace(string(out))})
	if path, err := exec.LookPath("crun"); err == nil && harness.View() == "v1" { // it refuses the hybrid one, and in v2 wants to lift RLIMIT_MEMLOCK
		list = append(list, runtime{"crun", path})
	}
	return list
}

// A setting is a configuration to compare by.
type setting struct {
	name string
	of   func(t *testing.T, r runtime) *specs.Spec
}

// settings are what each runtime writes as an example, and that of runc on all.
func settings(list []runtime) []setting {
	same := func(edit harness.Edit) func(*testing.T, runtime) *specs.Spec {
		return func(t *testing.T, _ runtime) *specs.Spec {
			s := example(t, list[1])
			s.Version = "1.0.2" // Debian's crun knows no later one
			edit(s)
			return s
		}
	}
	return []setting{
		{"own example", example},
		{"runc's example", same(func(*specs.Spec) {})},
		{"runc's example in a user namespace", same(harness.MappedRoot)},
		{"all capabilities", same(func(s *specs.Spec) {
			var all []string
			for _, c := range strings.Fields("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN " +
				"NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_TTY_CONFIG MKNOD LEASE " +
				"AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE") {
				all = append(all, "CAP_"+c)
			}
			harness.Capabilities(all...)(s)
			s.Process.NoNewPrivileges = false
		})},
	}
}

// example is what a runtime's spec writes.
func example(t *testing.T, r runtime) *specs.Spec {
	t.Helper()
	dir := harness.TempDir(t)
	cmd := exec.Command(r.path, "spec")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s spec: %v: %s", r.name, err, out)
	}
	text, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	s := new(specs.Spec)
	if err := json.Unmarshal(text, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// reach runs the program that looks, and returns what it can do.
func reach(t *testing.T, r runtime, s *specs.Spec) map[string]bool {
	t.Helper()
	b := harness.Empty(t, s)
	s.Process.Terminal = false
	s.Process.Args = append([]string{"/reach"}, hostNamespaces(t)...)
	data, err := os.ReadFile(harness.Program(t, "reach"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"proc", "sys", "dev"} {
		if err := os.Mkdir(filepath.Join(b.Rootfs, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(b.Rootfs+"/reach", data, 0o755); err != nil {
		t.Fatal(err)
	}
	b.Save(t)
	if err := os.WriteFile(b.Dir+"/in", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := &harness.Cmd{Program: r.path, Args: []string{"--root", b.Root, "run", "--bundle", b.Dir, b.ID}, Timeout: time.Minute}
	c.Via = []string{"sh", "-c", `exec "$@" <` + b.Dir + "/in", "sh"} // crun gives stdin to the container's root, /dev/null too
	res := c.Run(t)
	if res.Code != 0 {
		t.Fatalf("%s: %v", r.name, res)
	}
	can := map[string]bool{}
	for line := range strings.Lines(res.Stdout) {
		can[general(strings.TrimSpace(line), b.ID)] = true
	}
	return can
}

func hostNamespaces(t *testing.T) (list []string) {
	t.Helper()
	dir, err := os.ReadDir("/proc/self/ns")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dir {
		if ns, err := os.Readlink("/proc/self/ns/" + e.Name()); err == nil {
			list = append(list, ns)
		}
	}
	return list
}

var number = regexp.MustCompile(`\b\d{3,}\b`)

// general takes out of a line what is another each time.
func general(line, id string) string {
	return number.ReplaceAllString(strings.ReplaceAll(line, id, "ID"), "N")
}

// What a container of rung's can see and do, one of runc's with the same configuration can too, and so it is with the examples that
// both write.
func TestIsolation(t *testing.T) {
	list := runtimes(t)
	p := &page{}
	for _, s := range settings(list) {
		can := map[string]map[string]bool{}
		for _, r := range list {
			can[r.name] = reach(t, r, s.of(t, r))
		}
		for _, r := range list[1:] {
			more, less := minus(can["rung"], can[r.name]), minus(can[r.name], can["rung"])
			t.Logf("%s: rung can do %d things, %s %d; rung alone %q, %s alone %q", s.name, len(can["rung"]), r.name, len(can[r.name]), more, r.name, less)
			if r.name == "runc" && len(more) > 0 {
				t.Errorf("%s: a container of rung's can, and one of runc's can't: %q", s.name, more)
			}
			p.add(s.name, r.name, len(can["rung"]), len(can[r.name]), more, less)
		}
	}
	if *update && harness.View() == "v1" {
		if err := os.WriteFile("../../docs/isolation.md", []byte(p.text()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// minus is what a has and b hasn't, in order.
func minus(a, b map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(a)), func(line string) bool { return b[line] })
}
