package differ

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

var (
	count   = flag.Int("cases", 0, "compare this many cases (0: a few, half of them on a busy machine)")
	seed    = harness.Seed("seed", 18, "of the cases")
	first   = flag.Uint64("first", 0, "index of the first case")
	repeat  = flag.Int("repeat", 1, "run each case so often on rung, and want the same each time")
	save    = flag.String("save", "", "directory for cases that differ")
	shrinks = flag.Int("shrink", 3, "make so many of the cases that differ small, if they are saved")
	one     = flag.String("case", "", "compare the case in this file in place of generated ones")
	drop    = flag.String("without", "", "leave out the entries whose reference is this, \"reported: 7\": their cases differ then")
	list    = flag.Bool("known", false, "print the table of known differences and do nothing else")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *list {
		fmt.Print(Document())
		return
	}
	table = slices.DeleteFunc(table, func(k *Known) bool { return *drop != "" && k.Later == *drop })
	harness.Main(m)
}

// rungPath is the runtime that is tested: RUNG, or a new build.
func rungPath() string {
	if path := os.Getenv("RUNG"); path != "" {
		return path
	}
	return harness.Runtime()
}

// runcPath finds the runc to compare with: RUNC, or the one that runc.sh built.
func runcPath(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("RUNC"); path != "" {
		return path
	}
	cache, err := os.UserCacheDir()
	path := filepath.Join(cache, "rung", "runc-"+runcVersion, "runc")
	if _, missing := os.Stat(path); err != nil || missing != nil {
		t.Skipf("no runc %s to compare with: tests/differ/runc.sh builds it", runcVersion)
	}
	return path
}

const runcVersion = "1.4.0"

func facts() *Facts {
	f := &Facts{Controllers: make(map[string]bool), V2: harness.View() == harness.V2}
	for _, name := range strings.Fields("memory pids cpu cpuset blkio hugetlb") {
		f.Controllers[name] = harness.HasController(name)
	}
	return f
}

// builtRig is a rig with what runs inside, which it builds.
func builtRig(t *testing.T) *rig {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc and libc6-dev for the program inside")
	}
	dir := harness.TempDir(t)
	inside, err := buildInside(dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("/bin/busybox")
	if err == nil {
		err = os.WriteFile(dir+"/busybox", data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return newRig(dir+"/w", inside, dir+"/busybox")
}

// newSession builds what runs inside and says who runs what.
func newSession(t *testing.T) *Session {
	t.Helper()
	runtimes := map[string]string{"rung": rungPath(), "runc": runcPath(t)}
	r := builtRig(t)
	return &Session{
		Repeat: *repeat, Save: *save, Shrink: *shrinks, Logf: t.Logf,
		Run: func(c *Case, name string) (*Sight, []string) { return live(r, c, Runtime{name, runtimes[name]}) },
	}
}

// TestDiffer compares generated configurations:
//
//	go test ./differ -cases 3000 -seed 7 -save /tmp/differ
//
// Without -cases it is CI's share of it.
func TestDiffer(t *testing.T) {
	s := newSession(t)
	if *one != "" {
		compareFile(t, s)
		return
	}
	n, limit := uint64(*count), 24*time.Hour
	if n == 0 {
		n, limit = 60, 7*time.Second
	}
	compareMany(t, s, *first, n, limit)
	t.Log("\n" + s.Summary())
}

// TestDifferBusy is the other half of CI's share: two loops take the processors.
func TestDifferBusy(t *testing.T) {
	if *count != 0 || *one != "" {
		t.Skip("TestDiffer was given what to compare")
	}
	s := newSession(t)
	for range 2 {
		cmd := exec.Command("/bin/sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	}
	compareMany(t, s, 1000, 45, 7*time.Second)
}

func compareMany(t *testing.T, s *Session, from, n uint64, limit time.Duration) {
	t.Helper()
	f := facts()
	begin := time.Now()
	for i := range n {
		if time.Since(begin) > limit {
			t.Logf("stopped after %d of %d cases: the time is up", i, n)
			break
		}
		name := fmt.Sprintf("%s-%d-%d", harness.View(), *seed, from+i)
		c := Generate(*seed, from+i, f)
		start := time.Now()
		v := s.Compare(name, c)
		if len(v.Left) > 0 {
			t.Errorf("case %s differs:\n%s", name, Text(v.Left))
		}
		if took := time.Since(start); took > 5*time.Second && len(v.Left) == 0 {
			t.Logf("case %s took %v: %v on rung, %v on runc", name, took, v.Rung.Took, v.Runc.Took)
		}
	}
}

func compareFile(t *testing.T, s *Session) {
	t.Helper()
	data, err := os.ReadFile(*one)
	if err != nil {
		t.Fatal(err)
	}
	c := new(Case)
	if err := json.Unmarshal(data, c); err != nil {
		t.Fatal(err)
	}
	if why := danger(c); why != "" {
		t.Fatalf("not run: %s", why)
	}
	if v := s.Compare("case", c); len(v.Left) > 0 {
		t.Errorf("it differs:\n%s\nrung:\n%s\nrunc:\n%s", Text(v.Left), v.Rung, v.Runc)
	}
}
