package top

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rung-oci/rung/cgroups/gauge"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

var update = flag.Bool("update", false, "write the golden screens anew")

func known(n uint64) gauge.Number { return gauge.Number{Value: n, Known: true} }

// wave makes samples of a second: one that is busy and held back, one that reads, one whose numbers the kernel hasn't, one with a name that
// would move the cursor.
func wave(second int) []Sample {
	n := uint64(second)
	busy := gauge.Usage{
		CPU: known(n * n * 1e8 / 2), Periods: known(10 * n), Throttled: known(4 * n), Memory: known(100<<20 + n<<20), High: known(300 << 20), Max: known(512 << 20),
		Swap: known(3 << 20), Pids: known(12), PidsMax: known(100), Read: known(0), Written: known(0), OOMKills: known(n / 4),
		Pressure: [3]gauge.Pressure{{Some: 42.5, Known: true}, {Some: 1.5, Full: 0.5, Known: true}, {Known: true}},
	}
	reads := gauge.Usage{
		CPU: known(n * 1e7), Memory: known(5 << 30), Max: known(8 << 30), Swap: known(0), Pids: known(1234), Read: known(n * n * 3 << 20), Written: known(n * 1000),
		OOMKills: known(0), Pressure: [3]gauge.Pressure{{Known: true}, {Known: true}, {Some: 77, Full: 60, Known: true}},
	}
	return []Sample{
		{ID: "busy", Root: "/run/rung", Status: "running", PID: 100, Usage: busy},
		{ID: "reads", Root: "/run/containerd/runc/k8s.io", Status: "paused", PID: 101, Usage: reads},
		{ID: "bare", Root: "/run/rung", Status: "created", PID: 102},
		{ID: "evil\x1b[2J\u009b31m\u202e", Root: "/run/user/1000/crun", Status: "running", PID: 103, Usage: gauge.Usage{CPU: known(n)}},
		{ID: strings.Repeat("long", 20), Root: "/run/" + strings.Repeat("long/", 20) + "end", Status: "running", PID: 104, Usage: gauge.Usage{CPU: known(n)}},
	}
}

// at are samples of a second.
func at(second float64, list ...Sample) []Sample {
	for i := range list {
		list[i].At = time.Unix(0, int64(second*1e9))
	}
	return list
}

// rows are those of eight seconds.
func rows() (h History, list []Row) {
	for s := 1; s <= 8; s++ {
		list = h.Add(at(float64(s), wave(s)...))
	}
	return h, list
}

func view() *View {
	return &View{Sort: "cpu", Interval: 2 * time.Second, Time: "12:34:56", Roots: true}
}

// drawn is a screen as text, with what is shown in reverse marked.
func drawn(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		mark := " "
		if l.Marked {
			mark = ">"
		}
		b.WriteString(strings.TrimRight(mark+l.Text, " ") + "\n")
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s isn't as it was (-update writes it anew), %v:\n%s", name, err, got)
	}
}

func TestScreen(t *testing.T) {
	for _, c := range []struct {
		name          string
		keys          string
		width, height int
		change        func(v *View)
	}{
		{"wide", "", 180, 10, func(v *View) { v.Ended = 3 }},
		{"terminal", "", 80, 10, func(v *View) { v.Notes = []string{"container \x1b[31mx: damaged", "another"} }},
		{"narrow", "", 40, 10, nil},
		{"own", "", 180, 10, func(v *View) { v.Roots = false }},
		{"scrolled", "jjjj", 80, 6, nil},
		{"by-memory", "ss", 120, 10, nil},
		{"reversed", "r ", 120, 10, nil},
		{"history", "\x1b[B\r", 80, 24, nil},
		{"history-ascii", "G\x1b[Ah", 60, 24, func(v *View) { v.ASCII = true }},
		{"back", "\x1b[B\r\x1b", 80, 10, nil},
		{"help", "?", 80, 24, nil},
		{"low", "", 80, 3, nil},
	} {
		_, list := rows()
		v := view()
		if c.change != nil {
			c.change(v)
		}
		Sort(list, v.Sort, v.Reverse)
		for _, k := range Pressed([]byte(c.keys)) {
			if v.Press(k, list, c.height) {
				t.Errorf("%s: quit", c.name)
			}
		}
		lines := v.Screen(list, c.width, c.height)
		golden(t, c.name, drawn(lines))
		if len(lines) > c.height {
			t.Errorf("%s: %d lines", c.name, len(lines))
		}
		for _, l := range lines {
			if n := len([]rune(l.Text)); n > c.width {
				t.Errorf("%s: %d columns: %s", c.name, n, l.Text)
			}
		}
	}
	v := view()
	_, list := rows()
	Sort(list, "id", false)
	golden(t, "table", v.Table(list))
	golden(t, "empty", drawn(v.Screen(nil, 80, 6)))
}

// Whatever the size and the keys, a screen is never larger, has no control characters, and nothing panics.
func TestScreenFits(t *testing.T) {
	_, list := rows()
	v := view()
	keys := []byte("jjGkks\x1b[5~\x1b[6~h h??rrg\r\x1bjjjjj")
	for i := range 4000 {
		some := list[:i*7%(len(list)+1)]
		width, height := i*13%200, i*7%30
		if k := Pressed(keys[i%len(keys) : i%len(keys)+1]); len(k) > 0 {
			v.Press(k[0], some, height)
		}
		lines := v.Screen(some, width, height)
		if len(lines) > height {
			t.Fatalf("%d lines of %d", len(lines), height)
		}
		for _, l := range lines {
			if n := len([]rune(l.Text)); n > width || strings.ContainsFunc(l.Text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e }) {
				t.Fatalf("%d columns of %d: %q", n, width, l.Text)
			}
		}
	}
}

func TestPressed(t *testing.T) {
	for text, want := range map[string][]Key{
		"q":                {Quit},
		"\x03":             {Quit},
		"jk":               {Down, Up},
		"\x1b[A\x1bOB":     {Up, Down},
		"\x1b":             {Back},
		"\x1b[200~x\x1b[H": {Home},
		"\x1b[":            nil,
		"\x1b\x1b[6~":      {Back, PageDown},
		"xyz\x00\xff":      nil,
		"sr? \r":           {NextSort, Reverse, Help, Pause, Enter},
	} {
		if got := Pressed([]byte(text)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// The selection stays with its container when the order changes, and goes to what is in its place when that has gone.
func TestSelection(t *testing.T) {
	var h History
	look := func(second float64, ids ...string) []Row {
		var list []Sample
		for i, id := range ids {
			list = append(list, Sample{ID: id, Usage: gauge.Usage{Memory: known(uint64(100 - i))}})
		}
		rows := h.Add(at(second, list...))
		Sort(rows, "memory", false)
		return rows
	}
	v := &View{Sort: "memory"}
	chosen := func(rows []Row) string {
		for _, l := range v.Screen(rows, 80, 10)[2:] {
			if l.Marked {
				return strings.Fields(l.Text)[0]
			}
		}
		return ""
	}
	list := look(1, "a", "b", "c")
	for _, step := range []struct {
		press Key
		rows  []Row
		want  string
	}{
		{Back, list, ""},
		{Down, list, "a"},
		{Down, list, "b"},
		{Back, look(2, "b", "c", "a"), "b"},
		{Back, look(3, "c", "a"), "c"},
		{Up, list, "b"},
		{End, list, "c"},
		{Down, list, "c"},
		{Back, nil, ""},
		{Back, list, "c"},
	} {
		v.Press(step.press, step.rows, 10)
		if got := chosen(step.rows); got != step.want {
			t.Errorf("%v: %q is selected, want %q", step.press, got, step.want)
		}
	}
}
