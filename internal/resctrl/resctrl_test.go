package resctrl

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// fake makes a directory that looks like the resctrl file system of a machine
// with allocation and monitoring of L3 caches and memory bandwidth, and has mkdir
// and rmdir do what that file system does with its directories.
func fake(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	put(t, root, map[string]string{
		"info/L3/cbm_mask": "7ff\n", "info/L3/min_cbm_bits": "1\n", "info/L3/num_closids": "16\n",
		"info/MB/bandwidth_gran": "10\n", "info/MB/delay_linear": "1\n", "info/MB/min_bandwidth": "10\n", "info/MB/num_closids": "8\n",
		"info/last_cmd_status": "ok\n",
	})
	class(t, root)
	oldMake, oldRemove := mkdir, rmdir
	t.Cleanup(func() { mkdir, rmdir = oldMake, oldRemove })
	mkdir = func(dir string) error {
		if err := oldMake(dir); err != nil {
			return err
		}
		if filepath.Base(filepath.Dir(dir)) == "mon_groups" {
			monitor(t, dir)
		} else {
			class(t, dir)
		}
		return nil
	}
	rmdir = func(dir string) error {
		if _, err := os.Stat(dir); err != nil {
			return unix.ENOENT
		}
		return os.RemoveAll(dir)
	}
	return root
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func class(t *testing.T, dir string) {
	t.Helper()
	monitor(t, dir)
	put(t, dir, map[string]string{"schemata": "    MB:0= 100;1= 100\n    L3:0=7ff;1=7ff\n"})
	if err := os.Mkdir(dir+"/mon_groups", 0o755); err != nil {
		t.Fatal(err)
	}
}

func monitor(t *testing.T, dir string) {
	t.Helper()
	put(t, dir, map[string]string{
		"tasks": "", "mon_data/mon_L3_00/llc_occupancy": "4096\n", "mon_data/mon_L3_00/mbm_total_bytes": "30\n", "mon_data/mon_L3_00/mbm_local_bytes": "20\n",
		"mon_data/mon_L3_01/llc_occupancy": "Unavailable\n", "mon_data/mon_L3_01/mbm_total_bytes": "5\n", "mon_data/mon_L3_01/mbm_local_bytes": "4\n",
	})
}

func there(path string) bool { return unix.Access(path, unix.F_OK) == nil }

func last(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The rules of the runtime-spec, one by one.
func TestGroup(t *testing.T) {
	const padded = "    MB:0= 100;1= 100\n    L3:0=7ff;1=7ff\n"
	for _, c := range []struct {
		name     string
		want     specs.LinuxIntelRdt
		before   string // a class that exists
		err      string
		class    string // where the container is
		monitor  string
		schemata string // what it has then: the fake keeps the last line that is written
		stays    bool   // the class is there after the container
	}{
		{name: "own class", class: "c1", schemata: padded},
		{name: "own class with a schema", want: specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f"}, class: "c1", schemata: "L3:0=f\n"},
		{name: "bandwidth after cache", want: specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f", MemBwSchema: "MB:0=20"}, class: "c1", schemata: "MB:0=20\n"},
		{name: "schemata last", want: specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f", MemBwSchema: "MB:0=20", Schemata: []string{"L2:0=1", "L2:1=3"}}, class: "c1", schemata: "L2:1=3\n"},
		{name: "class of its name exists", before: "c1", class: "c1", schemata: padded, stays: true},
		{name: "default class", want: specs.LinuxIntelRdt{ClosID: "/"}, class: ".", schemata: padded, stays: true},
		{name: "class that exists", want: specs.LinuxIntelRdt{ClosID: "gold"}, before: "gold", class: "gold", schemata: padded, stays: true},
		{name: "class that doesn't exist", want: specs.LinuxIntelRdt{ClosID: "gold"}, err: `class of service "gold" does not exist`},
		{name: "class to be made", want: specs.LinuxIntelRdt{ClosID: "gold", Schemata: []string{"L3:0=1"}}, class: "gold", schemata: "L3:0=1\n", stays: true},
		{name: "the same schema", want: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=07ff", MemBwSchema: "MB:1=100"}, before: "gold", class: "gold", schemata: "MB:1=100\n", stays: true},
		{name: "another schema", want: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=7f0"}, before: "gold", err: `exists, with another schema than "L3:0=7f0"`},
		{name: "another bandwidth", want: specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:1=20"}, before: "gold", err: `exists, with another schema than "MB:1=20"`},
		{name: "a cache that isn't there", want: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:2=7ff"}, before: "gold", err: "another schema"},
		{name: "monitoring", want: specs.LinuxIntelRdt{EnableMonitoring: true}, class: "c1", monitor: "c1/mon_groups/c1", schemata: padded},
		{name: "monitoring in a class", want: specs.LinuxIntelRdt{ClosID: "gold", EnableMonitoring: true}, before: "gold", class: "gold", monitor: "gold/mon_groups/c1", schemata: padded, stays: true},
		{name: "monitoring in the default class", want: specs.LinuxIntelRdt{ClosID: "/", EnableMonitoring: true}, class: ".", monitor: "mon_groups/c1", schemata: padded, stays: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fake(t)
			if c.before != "" {
				if err := mkdir(filepath.Join(root, c.before)); err != nil {
					t.Fatal(err)
				}
			}
			g, err := Plan(root, "c1", &c.want)
			if err == nil {
				err = g.Make(&c.want)
			}
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				if c.before == "" && there(root+"/gold") {
					t.Error("a class is left")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if g.Class != filepath.Join(root, c.class) {
				t.Errorf("class %s, want %s", g.Class, c.class)
			}
			if want := filepath.Join(root, c.monitor); c.monitor != "" && (g.Monitor != want || !there(want)) || c.monitor == "" && g.Monitor != "" {
				t.Errorf("monitoring group %q, want %q", g.Monitor, c.monitor)
			}
			if got := last(t, g.Class+"/schemata"); got != c.schemata {
				t.Errorf("schemata %q, want %q", got, c.schemata)
			}
			tasks, err := g.Tasks()
			if err != nil || len(tasks) != len(g.Dirs()) {
				t.Errorf("tasks %v, %v", tasks, err)
			}
			for i, fd := range tasks {
				unix.Write(fd, []byte("0"))
				unix.Close(fd)
				if last(t, g.Dirs()[i]+"/tasks") != "0" {
					t.Errorf("%s has no task", g.Dirs()[i])
				}
			}
			if err := g.Remove(); err != nil {
				t.Error(err)
			}
			if there(g.Class) != c.stays {
				t.Errorf("class stays: %v, want %v", there(g.Class), c.stays)
			}
			if g.Monitor != "" && there(g.Monitor) {
				t.Error("monitoring group is left")
			}
		})
	}
}

// What create has made goes when it fails later, a class with a name as well; one
// that was there before stays.
func TestUndo(t *testing.T) {
	root := fake(t)
	if err := mkdir(root + "/old"); err != nil {
		t.Fatal(err)
	}
	for name, stays := range map[string]bool{"": false, "new": false, "old": true} {
		want := &specs.LinuxIntelRdt{ClosID: name, EnableMonitoring: true}
		if name == "new" {
			want.Schemata = []string{"L3:0=1"}
		}
		g, err := Plan(root, "c1", want)
		if err == nil {
			err = g.Make(want)
		}
		if err != nil {
			t.Fatal(err)
		}
		g.Undo()
		if there(g.Class) != stays || there(g.Monitor) {
			t.Errorf("closID %q: class there: %v, monitoring group there: %v", name, there(g.Class), there(g.Monitor))
		}
	}
}

// A monitoring group that can't be made is an error with the kernel's own words,
// and leaves no class.
func TestNoMonitoring(t *testing.T) {
	root := fake(t)
	inner := mkdir
	mkdir = func(dir string) error {
		if filepath.Base(filepath.Dir(dir)) == "mon_groups" {
			put(t, root, map[string]string{"info/last_cmd_status": "Out of RMIDs\n"})
			return unix.ENOSPC
		}
		return inner(dir)
	}
	want := &specs.LinuxIntelRdt{EnableMonitoring: true}
	g, err := Plan(root, "c1", want)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Make(want); err == nil || !strings.Contains(err.Error(), "no space left on device (Out of RMIDs)") {
		t.Errorf("got %v", err)
	}
	if there(g.Class) {
		t.Error("the class is left")
	}
}

func TestSet(t *testing.T) {
	root := fake(t)
	g := &Group{Class: root}
	if err := g.Set("L3:0=3", ""); err != nil || last(t, root+"/schemata") != "L3:0=3\n" {
		t.Errorf("%v, %q", err, last(t, root+"/schemata"))
	}
	if err := (&Group{Class: root + "/gone"}).Set("L3:0=3", ""); err == nil {
		t.Error("no error for a class that has gone")
	}
}

func TestStats(t *testing.T) {
	root := fake(t)
	want := &specs.LinuxIntelRdt{EnableMonitoring: true}
	g, err := Plan(root, "c1", want)
	if err == nil {
		err = g.Make(want)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := g.Stats(root)
	if err != nil {
		t.Fatal(err)
	}
	n := func(n uint64) *uint64 { return &n }
	if expect := (&Stats{
		Cache: &CacheInfo{"7ff", 1, 16}, Bandwidth: &BandwidthInfo{10, 1, 10, 8},
		RootCache: "L3:0=7ff;1=7ff", RootBandwidth: "MB:0= 100;1= 100", ClassCache: "L3:0=7ff;1=7ff", ClassBandwidth: "MB:0= 100;1= 100",
		Schemata: []string{"MB:0= 100;1= 100", "L3:0=7ff;1=7ff"},
		Domains:  []Domain{{n(30), n(20), n(4096)}, {n(5), n(4), nil}},
	}); !reflect.DeepEqual(got, expect) {
		t.Errorf("got %+v, want %+v", got, expect)
	}
}

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"1 0 0:1 / / rw - ext4 /dev/x rw\n": "",
		"1 0 0:1 / / rw - ext4 /dev/x rw\n30 1 0:30 / /sys/fs/resctrl rw,nosuid shared:3 - resctrl resctrl rw\n": "/sys/fs/resctrl",
		"30 1 0:30 /c1 /sys/fs/resctrl rw - resctrl resctrl rw\n":                                                "", // a part of it
		"30 1 0:30 / /x rw - tmpfs resctrl rw\n":                                                                 "",
	} {
		got, err := find(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("find(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("L3:0=7f0;1=1f\nMB:0= 20")
	f.Add("=;:")
	f.Fuzz(func(t *testing.T, text string) { parse(text) })
}
