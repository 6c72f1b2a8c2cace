package choose_test

import (
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgtest"
	"github.com/rung-oci/rung/cgroups/choose"
)

func ptr(n int64) *int64 { return &n }
func itoa(n int) string  { return strconv.Itoa(n) }
func dirOf(m cgroups.Place, controller string) string {
	if dir, ok := m.Location()[controller]; ok {
		return dir
	}
	return m.Location()[""]
}

// has tells whether the host has a controller at all.
func has(t *testing.T, h *cgtest.Host, controller string) bool {
	if h.Hierarchy(controller) != nil {
		return true
	}
	u := h.Hierarchy("")
	return u != nil && strings.Contains(cgtest.Read(t, path.Join(u.Mountpoint, "cgroup.controllers")), controller)
}

func TestLimits(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "a/b")
		r := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(7)}, Memory: &specs.LinuxMemory{Limit: ptr(1 << 24)}}
		if !has(t, h, "pids") || !has(t, h, "memory") {
			err := cgtest.Create(m, r)
			if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.pids.limit: the pids controller is not available in "+m.Location()[""]) {
				t.Errorf("Create() without controllers = %v", err)
			}
			// No limit is what such a host gives.
			create(t, m, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(-1)}, Memory: &specs.LinuxMemory{Limit: ptr(-1)}})
			return
		}
		create(t, m, r)
		if got := cgtest.Read(t, dirOf(m, "pids")+"/pids.max"); got != "7" {
			t.Errorf("pids.max = %s, want 7", got)
		}
		file := "memory.max"
		if h.Hierarchy("memory") != nil {
			file = "memory.limit_in_bytes"
		}
		if got := cgtest.Read(t, dirOf(m, "memory")+"/"+file); got != "16777216" {
			t.Errorf("%s = %s, want 16777216", file, got)
		}
		// Enough children fail to start, and the shell says so.
		p := cgtest.Start(t, m, "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; wait")
		if err, ok := p.Wait(10 * time.Second); !ok || err == nil {
			t.Errorf("a shell with 9 children under pids.limit 7 ended with %v", err)
		}
	})
}

func TestOOMKills(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		if !has(t, h, "memory") {
			t.Skip("no memory controller on this layout")
		}
		m, _ := h.Manager(t, "")
		create(t, m, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(1 << 23)}})
		if n, err := m.OOMKills(); err != nil || n != 0 {
			t.Errorf("OOMKills() = %v, %v, want 0", n, err)
		}
		p := cgtest.Start(t, m, "sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done")
		if err, ok := p.Wait(20 * time.Second); !ok || err == nil {
			t.Errorf("the process ended with %v, want a kill", err)
		}
		if n, err := m.OOMKills(); err != nil || n == 0 {
			t.Errorf("OOMKills() = %v, %v, want some", n, err)
		}
	})
}

func TestLoadRefusesOddLocations(t *testing.T) {
	for _, loc := range []cgroups.Location{
		nil, {}, {"": "relative"}, {"": "/"}, {"": "/sys/fs/cgroup/../x"}, {"memory": "/x/"}, {"": ""},
	} {
		if m, err := choose.Load(loc); err == nil {
			t.Errorf("Load(%v) = %v, want an error", loc, m)
		}
	}
}

func TestThreadedParent(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		u := h.Hierarchy("")
		if u == nil {
			t.Skip("no v2 hierarchy")
		}
		m, id := h.Manager(t, "")
		create(t, m, nil)
		dir := path.Join(u.Mountpoint, id, "threads")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		cgtest.Write(t, dir+"/cgroup.type", "threaded")
		err := cgtest.Create(h.At(t, "/"+id+"/threads/c"), nil)
		if err == nil || !strings.Contains(err.Error(), "is domain invalid, because a cgroup above it is threaded") {
			t.Errorf("Create() below a threaded cgroup = %v", err)
		}
		if err := cgtest.Create(h.At(t, "/"+id+"/threads"), nil); err == nil || !strings.Contains(err.Error(), "is threaded") {
			t.Errorf("Create() of a threaded cgroup = %v", err)
		}
		if _, err := os.Stat(dir + "/c"); err == nil {
			t.Errorf("%s/c is left", dir)
		}
	})
}

// With no v1 controller in the way Create hands down all v2 controllers, but
// can't from a parent that holds a process; without limits that is no error.
func TestControllersAreHandedDown(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		if h.Mode != cgroups.Unified {
			t.Skip("only a pure v2 host hands down every controller")
		}
		root := h.Hierarchy("").Mountpoint
		all := cgtest.Read(t, root+"/cgroup.controllers")
		if all == "" {
			t.Skip("the v2 tree has no controller")
		}
		m, id := h.Manager(t, "a/b/c")
		create(t, m, nil)
		if got := cgtest.Read(t, m.Location()[""]+"/cgroup.controllers"); got != all {
			t.Errorf("controllers = %q, want %q", got, all)
		}
		busy := h.At(t, "/"+id+"/busy")
		create(t, busy, nil)
		cgtest.Start(t, busy, "sleep", "60")
		below := h.At(t, "/"+id+"/busy/c")
		create(t, below, nil)
		if got := cgtest.Read(t, below.Location()[""]+"/cgroup.controllers"); got != "" {
			t.Errorf("controllers below a used cgroup = %q, want none", got)
		}
		// Nor did it become a threaded domain, where nothing could start.
		cgtest.Start(t, below, "sleep", "60")
		if !has(t, h, "pids") {
			t.Skip("no pids controller: the part with a limit is not tested")
		}
		limited := h.At(t, "/"+id+"/busy/d")
		err := cgtest.Create(limited, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(9)}})
		if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.pids.limit: enable the pids controller: ") || !strings.Contains(err.Error(), "has processes of its own") {
			t.Errorf("Create() with a limit below a used cgroup = %v", err)
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	l, err := cgroups.Detect()
	if err != nil || os.Geteuid() != 0 || l.Mode == cgroups.None {
		b.Skip("needs root and cgroups")
	}
	cgtest.RestoreControllers(b, l)
	for b.Loop() {
		loc, _ := l.Locate("/rungcg-bench-"+itoa(os.Getpid()), "")
		m, err := choose.Manager(l, loc)
		if err != nil {
			b.Fatal(err)
		}
		if err := cgtest.Create(m, nil); err != nil {
			b.Fatal(err)
		}
		if err := m.Destroy(); err != nil {
			b.Fatal(err)
		}
	}
}
