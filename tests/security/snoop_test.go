package security

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

// install puts a program of the host's into a bundle.
func install(t *testing.T, b *harness.Bundle, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.Rootfs, "bin/attack"), data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// An attacker is a container that runs the attack program.
type attacker struct {
	*harness.Bundle
	pid int
	out *harness.Result
}

func attack(t *testing.T, args []string, edits ...harness.Edit) *attacker {
	t.Helper()
	edits = append([]harness.Edit{harness.Args(append([]string{"/bin/attack"}, args...)...)}, edits...)
	a := &attacker{Bundle: harness.New(t, edits...)}
	a.Chown(t)
	install(t, a.Bundle, harness.Program(t, "attack"))
	a.pid, a.out = a.Create(t)
	a.Must(t, "start")
	return a
}

// ns is the path of one of the attacker's namespaces.
func (a *attacker) ns(kind string) string { return fmt.Sprintf("/proc/%d/ns/%s", a.pid, kind) }

// during calls f so many times, and then until the attacker has met some processes: on a busy machine it gets its turn
// seldom.
func (a *attacker) during(t *testing.T, runs, meets int, f func()) {
	t.Helper()
	const patience = 20
	for n := 0; n < runs || a.met(t) < meets && n < patience*runs; n++ {
		f()
	}
}

// met is how many processes the attacker has seen.
func (a *attacker) met(t *testing.T) int {
	t.Helper()
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/comm", a.pid)) // one of its threads says so
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, file := range list {
		text, _ := os.ReadFile(file)
		if n, found := strings.CutPrefix(strings.TrimSpace(string(text)), "met "); found {
			n, _ := strconv.Atoi(n)
			most = max(most, n)
		}
	}
	return most
}

// end stops the attacker and decodes what it reports.
func (a *attacker) end(t *testing.T, result any) {
	t.Helper()
	a.Write(t, "tmp/stop", "", 0o644)
	if ws := harness.Wait(t, a.pid); ws.ExitStatus() != 0 {
		t.Fatalf("the attack program ended with %x: %s", ws, a.out.Reread(t))
	}
	decode(t, []byte(a.out.Reread(t)), result)
	a.Must(t, "delete")
}

func decode(t *testing.T, data []byte, result any) {
	t.Helper()
	if err := json.Unmarshal(data, result); err != nil {
		t.Fatalf("the attack program's report: %v: %s", err, data)
	}
}

// Root in a pid namespace that another container joins, without CAP_SYS_PTRACE there, can
// neither look into nor take anything of a process that isn't the other container's
// program yet. (Who has it: TestTake.)
func TestSnoop(t *testing.T) {
	user := func(s *specs.Spec) { harness.MappedRoot(s) }
	for _, c := range []struct {
		name string
		a, b []harness.Edit
		join []string // of A's namespaces, by B
	}{
		{"host root", nil, nil, []string{"pid"}},
		{"user namespace", []harness.Edit{user, harness.Capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")}, nil, []string{"user", "pid"}},
		{
			"two user namespaces",
			[]harness.Edit{user, harness.Capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN")},
			// A procfs of a pid namespace can be mounted in the user namespace that owns it only.
			[]harness.Edit{user, harness.DropMount("/proc")},
			[]string{"pid"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			snoopOn(t, c.a, c.b, c.join)
		})
	}
}

func snoopOn(t *testing.T, ofA, ofB []harness.Edit, join []string) {
	a := attack(t, []string{"snoop", "usleep"}, ofA...)
	edits := append([]harness.Edit{harness.Args("/bin/usleep", "4000")}, ofB...)
	for _, kind := range join {
		edits = append(edits, harness.JoinNS(specs.LinuxNamespaceType(kind), a.ns(kind)))
	}
	b := harness.New(t, edits...)
	b.Chown(t)
	runs := rounds(500, 60)
	a.during(t, runs, runs/2, func() {
		if r := b.Container(t, "run"); r.Code != 0 || r.Stderr != "" {
			t.Fatalf("%v", r)
		}
	})
	var s report.Snoop
	a.end(t, &s)
	t.Logf("%d runs: %d processes seen before execve, %d looks, at most %d threads; denied %v; seen after execve %v",
		runs, s.Tasks, s.Looks, s.Threads, s.Denied, s.After)
	t.Logf("names then %v, command lines then %v", s.Comms, s.Lines)
	judge(t, &s, runs, len(ofB) == 0)
}

// judge checks what was seen. Of a program in another user namespace than its
// own the snoop may see nothing even after execve.
func judge(t *testing.T, s *report.Snoop, runs int, shared bool) {
	t.Helper()
	if s.Tasks < runs/2 || s.Looks < runs {
		t.Errorf("the snoop saw %d processes of %d in %d looks: too few to prove anything", s.Tasks, runs, s.Looks)
	}
	for _, op := range []string{"readlink exe", "open mem", "open fd", "pidfd_getfd", "ptrace", "open environ"} {
		if shared && s.After[op] == 0 {
			t.Errorf("%s never worked, not even on the container's program: the snoop is blind", op)
		}
		if s.Denied[op] == 0 {
			t.Errorf("%s was never refused: the snoop didn't try", op)
		}
	}
	if s.Threads != 1 {
		t.Errorf("a process had %d threads, want 1: no Go in the container", s.Threads)
	}
	for line := range s.Lines {
		if line != "" && line != "rung:init" && line != "rung-init" { // its name, as ps(1) shows it
			t.Errorf("a process showed a command line: %q", line)
		}
	}
	for what, n := range s.Stolen {
		// The new program's own executable can show before its name does.
		if strings.HasPrefix(what, "readlink exe: /bin/") {
			continue
		}
		t.Errorf("%d times: %s", n, what)
	}
}
