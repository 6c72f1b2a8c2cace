package differ

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

var (
	count   = flag.Int("cases", 0, "compare this many cases")
	seed    = flag.Uint64("seed", 1, "of the cases")
	first   = flag.Uint64("first", 0, "index of the first case")
	repeat  = flag.Int("repeat", 1, "run each case so often on rung")
	save    = flag.String("save", "", "directory for cases that differ")
	one     = flag.String("case", "", "a file with one case to compare in place of generated ones")
	shrinks = flag.Int("shrink", 5, "shrink this many of the cases that differ")
)

func TestMain(m *testing.M) { harness.Main(m) }

// rungPath is the runtime that is tested.
func rungPath() string {
	if path := os.Getenv("RUNG"); path != "" {
		return path
	}
	return harness.Runtime()
}

// runcPath finds the runc to compare with.
func runcPath(t *testing.T) string {
	t.Helper()
	path := os.Getenv("RUNC")
	if path == "" {
		path, _ = exec.LookPath("runc")
	}
	if path == "" {
		t.Skip("no runc to compare with: make differ builds one, apt install runc has an old one")
	}
	return path
}

func facts() *Facts {
	f := &Facts{Controllers: make(map[string]bool), V2: harness.View() == harness.V2}
	for _, name := range strings.Fields("memory pids cpu cpuset blkio hugetlb") {
		f.Controllers[name] = harness.HasController(name)
	}
	return f
}

func TestDiffer(t *testing.T) {
	runc := Runtime{"runc", runcPath(t)}
	rung := Runtime{"rung", rungPath()}
	inside, err := buildInside(harness.Dir())
	if err != nil {
		t.Fatal(err)
	}
	busybox := harness.Dir() + "/busybox"
	data, err := os.ReadFile("/bin/busybox")
	if err == nil {
		err = os.WriteFile(busybox, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(filepath.Join(harness.Dir(), "w"), inside, busybox)
	f := facts()
	begin := time.Now()
	keys := make(map[string]int)
	failures := 0
	var took [2]time.Duration
	run := func(c *Case, name string) (*Sight, []string) {
		if name == "rung" {
			return live(r, c, rung)
		}
		return live(r, c, runc)
	}
	for n := range uint64(*count) {
		c := Generate(*seed, *first+n, f)
		v := judge(c, run, table)
		took[0] += v.Rung.Took
		took[1] += v.Runc.Took
		if v.Rung.Failed {
			failures++
		}
		if v.Rung.Took+v.Runc.Took > 3*time.Second {
			t.Logf("case %d took %v on rung, %v on runc", *first+n, v.Rung.Took, v.Runc.Took)
		}
		if len(v.Left) == 0 {
			continue
		}
		var text strings.Builder
		for _, d := range v.Left {
			keys[d.Key]++
			fmt.Fprintln(&text, d)
		}
		t.Errorf("case %d of seed %d:\n%s", *first+n, *seed, text.String())
		if *save != "" {
			dir := fmt.Sprintf("%s/%d-%d", *save, *seed, *first+n)
			os.MkdirAll(dir, 0o755)
			os.WriteFile(dir+"/case.json", []byte(c.text()), 0o644)
			os.WriteFile(dir+"/differences", []byte(text.String()), 0o644)
			os.WriteFile(dir+"/rung", []byte(strings.Join(v.Commands, "\n")+"\n"+v.Rung.String()), 0o644)
			os.WriteFile(dir+"/runc", []byte(v.Runc.String()), 0o644)
		}
	}
	t.Logf("%d cases (%d failed on rung) in %v, %v on rung, %v on runc", *count, failures, time.Since(begin), took[0], took[1])
	for _, k := range sortedCounts(keys) {
		t.Log(k)
	}
}
