package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/gauge"
	"github.com/rung-oci/rung/internal/fleet"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/top"
)

// many makes state directories and cgroups of as many containers, whose first process we are.
func many(t testing.TB, n int) (root string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes cgroups")
	}
	layout, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	host, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	self, err := host.Stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	above := fmt.Sprintf("rungt-top-%d", os.Getpid())
	for i := range n {
		location, err := layout.Locate(fmt.Sprintf("/%s/c%d", above, i), "")
		if err != nil {
			t.Fatal(err)
		}
		dirs := ""
		for key, dir := range location {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = unix.Rmdir(dir)
				_ = unix.Rmdir(filepath.Dir(dir))
			})
			dirs += fmt.Sprintf(",%q:%q", key, dir)
		}
		state := fmt.Sprintf(`{"init_process_pid":%d,"init_process_start":%d,"cgroup_paths":{%s}}`, os.Getpid(), self.Start, dirs[1:])
		dir := filepath.Join(root, fmt.Sprintf("c%d", i))
		if err := os.Mkdir(dir, 0o711); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// watching is a top that looks at a directory.
func watching(t testing.TB, root string) *watch {
	t.Helper()
	w := &watch{app: &app{}, told: map[string]bool{}, view: top.View{Sort: "cpu", Interval: time.Second}}
	var err error
	if w.fleet, err = fleet.Open([]fleet.Root{{Path: root, Trusted: true}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.fleet.Close)
	return w
}

// What the kernel tells, and what there can be at most, is as docs/schema says.
func TestTopJSON(t *testing.T) {
	w := watching(t, many(t, 2))
	w.look()
	checkSchema(t, "top.json", string(topDocument(w)))
	time.Sleep(10 * time.Millisecond)
	w.look()
	checkSchema(t, "top.json", string(topDocument(w)))
	if len(w.rows) != 2 || !w.rows[0].CPU.Known || w.since <= 0 {
		t.Errorf("%+v", w.rows)
	}
	n := gauge.Number{Value: 3 << 30, Known: true}
	p := gauge.Pressure{Some: 12.5, Full: 100, Known: true}
	u := gauge.Usage{
		CPU: n, Periods: n, Throttled: n, ThrottledTime: n, Memory: n, High: n, Max: n, Swap: n, Pids: n, PidsMax: n, Read: n, Written: n, OOMKills: n,
		Pressure: [3]gauge.Pressure{p, p, p},
	}
	w.history.Add([]top.Sample{{ID: "x", Root: "/r", Status: "paused", PID: 7, At: time.Unix(1, 0), Usage: u}})
	for _, n := range []*gauge.Number{&u.CPU, &u.Periods, &u.Throttled, &u.Read, &u.Written} {
		n.Value += 1000
	}
	w.rows = w.history.Add([]top.Sample{{ID: "x", Root: "/r", Status: "paused", PID: 7, At: time.Unix(2, 0), Usage: u}})
	w.view.Notes = []string{"a note"}
	text := string(topDocument(w))
	checkSchema(t, "top.json", text)
	for _, want := range []string{`"percent":0,`, `"throttledPercent":100,`, `"high":3221225472`, `"readPerSecond":1000`, `"io":{"some":12.5,"full":100}`, `"notes":["a note"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// The terminal's character set is that of the first variable that is set.
func TestUnicode(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false}, {"", "", "de_DE.UTF-8", true}, {"", "C.utf8", "C", true}, {"C", "", "en_US.UTF-8", false}, {"POSIX", "x.UTF-8", "", false},
	} {
		got := unicode(func(name string) string {
			return map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}[name]
		})
		if got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// BenchmarkTop is a look at a thousand containers, and the screen of it.
func BenchmarkTop(b *testing.B) {
	w := watching(b, many(b, 1000))
	for b.Loop() {
		w.look()
		w.view.Screen(w.rows, 200, 50)
	}
	if len(w.rows) != 1000 {
		b.Errorf("%d rows", len(w.rows))
	}
}

// A state directory that can't be read isn't an empty one.
func TestTopUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := call(t, "--root", dir+"/file", "top", "--once"); code != 1 || stdout != "" || !strings.Contains(stderr, "list containers of "+dir+"/file: not a directory") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr := call(t, "--root", dir, "top", "--once", "--also", dir+"/file"); code != 0 || stdout == "" || !strings.Contains(stderr, dir+"/file: not a directory") {
		t.Errorf("another one: code %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr := call(t, "--root", dir+"/none", "top", "--once"); code != 0 || stderr != "" {
		t.Errorf("no directory: code %d, %q", code, stderr)
	}
	if code, _, stderr := call(t, "top", "--sort", "memroy"); code != 1 || !strings.Contains(stderr, "did you mean memory?") {
		t.Errorf("code %d, %q", code, stderr)
	}
}
