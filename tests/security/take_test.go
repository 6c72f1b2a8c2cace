package security

import (
	"strconv"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

// tracer is what debug sidecars and trace tools are given: all doors are open to it, of
// processes that aren't dumpable as well.
var tracer = harness.Capabilities("CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH")

func hostRoot(t *testing.T) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat("/", &st); err != nil {
		t.Fatal(err)
	}
	return strconv.FormatUint(st.Ino, 10)
}

// A neighbour that may trace everybody in a shared pid namespace takes what it can of
// the processes that the runtime makes there: nothing of it leads to the host.
func TestTake(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b []harness.Edit
		join []string
	}{
		{"host root", nil, nil, []string{"pid"}},
		{"few mounts", nil, []harness.Edit{func(s *specs.Spec) { s.Mounts = s.Mounts[:1] }}, []string{"pid"}},
		{"other user namespace", nil, []harness.Edit{harness.MappedRoot, harness.DropMount("/proc")}, []string{"pid"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			a := attack(t, []string{"take", "usleep", hostRoot(t)}, append([]harness.Edit{tracer}, c.a...)...)
			edits := append([]harness.Edit{harness.Args("/bin/usleep", "2000")}, c.b...)
			for _, kind := range c.join {
				edits = append(edits, harness.JoinNS(specs.LinuxNamespaceType(kind), a.ns(kind)))
			}
			b := harness.New(t, edits...)
			b.Chown(t)
			runs := rounds(1000, 60)
			a.during(t, runs, runs/2, func() {
				if r := b.Container(t, "run"); r.Code != 0 || r.Stderr != "" {
					t.Fatalf("%v", r)
				}
			})
			a.took(t, runs)
		})
	}
}

// Nor of what an exec brings into its own container. (Of one with the host's mounts, and
// so without a procfs to find processes in: TestBirthDescriptorsExec.)
func TestTakeExec(t *testing.T) {
	harness.Share(t)
	a := attack(t, []string{"take", "usleep", hostRoot(t)}, tracer)
	runs := rounds(1000, 60)
	a.during(t, runs, runs/2, func() { a.Run(t, "exec", a.ID, "/bin/usleep", "2000").Silent(t) })
	a.took(t, runs)
}

// took ends the attacker and judges what it has.
func (a *attacker) took(t *testing.T, runs int) {
	t.Helper()
	var got report.Take
	a.end(t, &got)
	t.Logf("%d runs: %d processes seen before execve, %d looks; taken %v; looks at a root of the host's %d, at a working directory %d",
		runs, got.Tasks, got.Looks, got.Got, got.Root, got.Cwd)
	taken := 0
	for _, n := range got.Got {
		taken += n
	}
	if got.Tasks < runs/4 || taken < runs/4 || got.Refused > 0 {
		t.Errorf("%d processes met, %d descriptors taken, %d refused: too little to prove anything", got.Tasks, taken, got.Refused)
	}
	for what, n := range got.Host {
		t.Errorf("taken %d times: %s", n, what)
	}
	if harness.IsRung() && got.Root+got.Cwd > 0 {
		t.Errorf("the host's root directory was seen %d times as a root, %d times as a working directory", got.Root, got.Cwd)
	}
}
