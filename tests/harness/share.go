package harness

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// viewsEnv names the views that this test run goes through, with commas.
const viewsEnv = "RUNGT_VIEWS"

// sharing tells whether tests that don't need all views have one: in a short run, unless
// RUNG_ALL_VIEWS is set.
func sharing() bool { return testing.Short() && os.Getenv("RUNG_ALL_VIEWS") == "" }

// Once skips the test in a short test in all views but the first that comes to it: what it
// is about has little to do with cgroups, or it takes long.
func Once(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(Dir(), "once-"+strings.ReplaceAll(t.Name(), "/", "-")+"-"+View()), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	others, err := filepath.Glob(filepath.Join(Dir(), "once-"+strings.ReplaceAll(t.Name(), "/", "-")+"-*"))
	if err != nil {
		t.Fatal(err)
	}
	if sharing() && len(others) > 1 {
		t.Skip("a short test runs it in one view")
	}
}

// Share skips the test in a short test in all views but one, which its name chooses: what
// has nothing to do with cgroups is shared out among the views, by cases where a table has
// many. A long test has all in each.
func Share(t testing.TB) {
	t.Helper()
	// A process that was told of no views is in the only one.
	if all := os.Getenv(viewsEnv); sharing() && all != "" && chosen(t.Name(), strings.Split(all, ",")) != View() {
		t.Skip("a short test runs it in another view")
	}
}

// chosen is the view that a name chooses, always the same.
func chosen(name string, views []string) string {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return views[sum.Sum32()%uint32(len(views))]
}
