package security

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

// CVE-2019-5736: a container that runs, or gets hold of, the executable behind
// /proc/PID/exe can't write the runtime's file. Each way to protect it has its row.
func TestExecutableOverwrite(t *testing.T) {
	harness.Once(t)
	const memory = "/memfd:rung (deleted)"
	hook := filepath.Join(harness.TempDir(t), "hook")
	if err := os.WriteFile(hook, []byte(readText(t, "/bin/true")), 0o755); err != nil {
		t.Fatal(err)
	}
	// A createContainer hook is the host's, and in sight.
	hooked := func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateContainer: []specs.Hook{{Path: hook}}}
	}
	hostPID := func(s *specs.Spec) {
		harness.MappedRoot(s)
		harness.WithoutNS(specs.PIDNamespace)(s)
		harness.DropMount("/proc")(s)
		harness.AddMount(bind("/proc", "/proc"))(s)
	}
	same := func(*specs.Spec) {}
	writable := func(s *specs.Spec) { s.Root.Readonly = false }
	for _, c := range []struct {
		name string
		a, b harness.Edit // the attacker; whom it sees, nil: execs in its own container
		join []string     // by whom it sees
		// The runtime's executable as the attacker sees it, if it does, and what every try to write it ends with, but
		// for "text file busy" while it runs.
		visible, proof string
		closed         string // how /proc/PID/exe itself is refused of which process of the runtime's; "": of none
	}{
		{"first process", same, same, []string{"pid"}, memory, "sealed", ""},
		{"hooks", same, hooked, []string{"pid"}, memory, "sealed", ""},
		{"user namespace", harness.MappedRoot, same, []string{"user", "pid"}, "", "", "EACCES rung:init"},
		{"host's pid namespace", hostPID, hostPID, []string{"user"}, "", "", "EACCES rung:init"},
		{"exec", same, nil, nil, memory, "sealed", ""},
		{"exec in user namespace", harness.MappedRoot, nil, nil, "", "", "EACCES rung:init"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" || os.Getenv("RUNG_TAGS") == "goplayer" {
				// The player is a copy of the runtime on a file system without an upper layer, which everybody may see.
				c.visible, c.proof, c.closed = "/rung", "EROFS", ""
			}
			path, changed := harness.UseCopy(t)
			a := attack(t, []string{"exe"}, c.a, harness.Capabilities("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN", "CAP_LINUX_IMMUTABLE"), writable)
			var calls []func()
			for _, program := range []string{"/proc/self/exe", "/bin/evil", "/bin/x", control} {
				b, call := a.Bundle, func() { a.Run(t, "exec", a.ID, program) }
				if c.b != nil {
					edits := []harness.Edit{harness.Args(program), c.b, writable}
					for _, kind := range c.join {
						edits = append(edits, harness.JoinNS(specs.LinuxNamespaceType(kind), a.ns(kind)))
					}
					b = harness.New(t, edits...)
					call = func() { b.Container(t, "run") }
				}
				provoke(t, b)
				calls = append(calls, call)
			}
			runs := rounds(100, 15)
			for range runs {
				for _, call := range calls {
					call() // what it is called to do makes no sense; what it is, counts
				}
			}
			e := new(report.Exe)
			a.end(t, e)
			delete(e.Outcomes, hook)
			t.Logf("%d runs, %d tries: outcomes %v, closed %v", len(calls)*runs, e.Tries, e.Outcomes, e.Closed)
			if harness.IsRung() {
				protected(t, e, runs, c.visible, c.proof, c.closed)
			}
			if changed() {
				t.Errorf("%s has changed", path)
			}
		})
	}
}

const control = "/bin/control" // a program of the containers' own, which can be written

// provoke gives a container programs that exec what it was just before.
func provoke(t *testing.T, b *harness.Bundle) {
	t.Helper()
	b.Write(t, "bin/evil", "#!/proc/self/exe\n", 0o755)
	symlink(t, b, "/proc/self/exe", "bin/x")
	b.Write(t, control, readText(t, harness.Program(t, "attack")), 0o777)
	b.Chown(t)
}

// protected checks that there was something to write, that the attack works where it
// may, and that the one protection which is meant is what stopped it.
func protected(t *testing.T, e *report.Exe, runs int, visible, proof, closed string) {
	t.Helper()
	if e.Outcomes[control]["open"] == 0 {
		t.Errorf("%s was never opened for writing: the attack doesn't work", control)
	}
	if n := e.Outcomes[visible][proof]; visible != "" && n <= runs/10 {
		t.Errorf("%d times %s of %q in %d runs: too few to prove anything", n, proof, visible, runs)
	}
	if n := e.Closed[closed]; closed != "" && n <= runs/10 {
		t.Errorf("%d times %s of /proc/PID/exe in %d runs: too few to prove anything", n, closed, runs)
	}
	for name, outcomes := range e.Outcomes {
		if strings.HasPrefix(name, "/bin/") { // the image's own
			continue
		}
		for what, n := range outcomes {
			if name != visible || what != proof && what != "ETXTBSY" {
				t.Errorf("writing to %s: %d times %s, want %s of %q only", name, n, what, proof, visible)
			}
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	_, text, _ := strings.Cut(lines[len(lines)-1], "msg=")
	return text
}
