package choose_test

import (
	"context"
	"errors"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgtest"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestLifecycle(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, id := h.Manager(t, "c")
		create(t, m, nil)
		for key, dir := range m.Location() {
			if _, err := os.Stat(dir); err != nil {
				t.Errorf("%q: %v", key, err)
			}
		}
		p := cgtest.Start(t, m, "sleep", "60")
		if got, err := m.Pids(false); err != nil || !slices.Equal(got, []int{p.Process.Pid}) {
			t.Errorf("Pids() = %v, %v, want %d", got, err, p.Process.Pid)
		}
		member(t, p, id+"/c", h)

		// As kill and delete do it: from the saved location alone.
		loaded, err := choose.Load(m.Location())
		if err != nil {
			t.Fatal(err)
		}
		if err := loaded.Kill(); err != nil {
			t.Errorf("Kill() = %v", err)
		}
		if err := loaded.Destroy(); err != nil {
			t.Errorf("Destroy() = %v", err)
		}
		if err, ok := p.Wait(time.Second); !ok || err == nil || err.Error() != "signal: killed" {
			t.Errorf("process ended with %v, want signal: killed", err)
		}
		for _, dir := range h.Dirs(id) {
			if path.Base(dir) != id {
				t.Errorf("%s is left", dir)
			}
		}
	})
}

// member checks /proc/PID/cgroup: the process is where the manager says, in every hierarchy.
func member(t *testing.T, p *cgtest.Process, cg string, h *cgtest.Host) {
	t.Helper()
	text, err := os.ReadFile("/proc/" + itoa(p.Process.Pid) + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasSuffix(strings.TrimSpace(line), ":/"+cg) {
			n++
		}
	}
	if n != len(h.Hierarchies) {
		t.Errorf("the process is in /%s of %d hierarchies, want %d:\n%s", cg, n, len(h.Hierarchies), text)
	}
}

func TestGoneIsNoError(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "c")
		check := func(what string) {
			t.Helper()
			pids, err := m.Pids(true)
			frozen, err2 := m.Frozen()
			kills, err3 := m.OOMKills()
			if err := errors.Join(err, err2, err3, m.Kill(), m.Thaw(), m.Destroy()); err != nil || len(pids) > 0 || frozen || kills != 0 {
				t.Errorf("%s: %v, pids %v, frozen %v, kills %v", what, err, pids, frozen, kills)
			}
		}
		check("before it was made")
		create(t, m, nil)
		if err := m.Destroy(); err != nil {
			t.Fatal(err)
		}
		check("after it was removed")
		if e, err := m.Entry(); !errors.Is(err, unix.ENOENT) {
			t.Errorf("Entry() = %v, %v, want ENOENT", e, err)
		}
	})
}

func TestCreateRefusesUsedCgroup(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, id := h.Manager(t, "")
		create(t, m, nil)
		create(t, m, nil) // empty: taken over
		p := cgtest.Start(t, m, "sleep", "60")
		err := cgtest.Create(m, nil)
		if err == nil || !strings.Contains(err.Error(), "container's cgroup is not empty: 1 process(es) found") {
			t.Errorf("Create() = %v", err)
		}
		if !p.Alive() {
			t.Error("the process in the cgroup is gone")
		}
		// An existing parent with a process is nothing to worry about on v1; a
		// v2 one only if it must hand down controllers.
		child := h.At(t, "/"+id+"/sub")
		if err := cgtest.Create(child, nil); err != nil {
			t.Errorf("Create() below a used cgroup = %v", err)
		}
	})
}

func TestCreateRefusesFrozenCgroup(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, id := h.Manager(t, "")
		create(t, m, nil)
		if err := m.Freeze(time.Second, nil); err != nil {
			t.Fatal(err)
		}
		for _, m := range []cgroups.Manager{m, h.At(t, "/"+id+"/sub")} {
			err := cgtest.Create(m, nil)
			if !errors.Is(err, cgroups.ErrFrozen) || !strings.Contains(err.Error(), "container's cgroup unexpectedly frozen") {
				t.Errorf("Create(%v) = %v, want %v", m.Location(), err, cgroups.ErrFrozen)
			}
		}
		if dirs := h.Dirs(id + "/sub"); len(dirs) != 0 {
			t.Errorf("left behind: %v", dirs)
		}
		for key, dir := range m.Location() {
			if _, err := os.Stat(dir); err != nil {
				t.Errorf("Create removed what it hadn't made: %q: %v", key, err)
			}
		}
	})
}

func TestFreeze(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, id := h.Manager(t, "")
		create(t, m, nil)
		p := cgtest.Start(t, m, "sh", "-c", "while :; do :; done")
		frozen(t, m, false)
		if err := m.Freeze(5*time.Second, nil); err != nil {
			t.Fatal(err)
		}
		frozen(t, m, true)
		before := ticks(t, p)
		time.Sleep(200 * time.Millisecond) // that it doesn't run, nothing tells
		if now := ticks(t, p); now != before {
			t.Errorf("a frozen process ran: %v, then %v", before, now)
		}
		// Only the own state counts.
		child := h.At(t, "/"+id+"/sub")
		for _, dir := range child.Location() {
			if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
				t.Fatal(err)
			}
		}
		frozen(t, child, false)
		if err := m.Thaw(); err != nil {
			t.Fatal(err)
		}
		frozen(t, m, false)
		testbed.Until(t, "a thawed process runs", func() bool { return ticks(t, p) != before })
	})
}

// ticks returns the process's user time.
func ticks(t *testing.T, p *cgtest.Process) string {
	return strings.Fields(cgtest.Read(t, "/proc/"+itoa(p.Process.Pid)+"/stat"))[13]
}

// cpu is the time that the processes have used, in nanoseconds.
func cpu(t *testing.T, m cgroups.Meter) uint64 {
	t.Helper()
	s, err := m.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s.CPU.Total
}

func frozen(t *testing.T, m cgroups.Processes, want bool) {
	t.Helper()
	if got, err := m.Frozen(); err != nil || got != want {
		t.Errorf("Frozen() = %v, %v, want %v", got, err, want)
	}
}

// Of more busy processes than there are processors some can't have stopped yet
// when Freeze looks for the first time.
func TestFreezeGivenUpThaws(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		create(t, m, nil)
		busy := "while :; do :; done"
		for range runtime.NumCPU() + 1 {
			cgtest.Start(t, m, "sh", "-c", busy)
		}
		enough := func() error { return context.Canceled }
		for _, tt := range []struct {
			freeze func() error
			want   error
		}{
			{func() error { return m.Freeze(-time.Second, nil) }, unix.ETIMEDOUT},
			{func() error { return m.Freeze(time.Minute, enough) }, context.Canceled},
		} {
			err := tt.freeze()
			for try := 0; err == nil && try < 20; try++ {
				if err = m.Thaw(); err == nil {
					used := cpu(t, m)
					testbed.Until(t, "they run", func() bool { return cpu(t, m) > used+20e6 })
					err = tt.freeze()
				}
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("Freeze() = %v, want %v", err, tt.want)
			}
			frozen(t, m, false)
		}
	})
}

func TestKillReachesEverything(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, id := h.Manager(t, "")
		create(t, m, nil)
		outside, _ := h.Manager(t, "")
		create(t, outside, nil)
		forks := "while :; do (sleep 0.01)& (exec true)& sleep 0.002; done"
		inside := []*cgtest.Process{cgtest.Start(t, m, "sh", "-c", forks)}
		// Only now: a v2 cgroup that hands controllers down takes no process.
		sub := h.At(t, "/"+id+"/a/b")
		create(t, sub, nil)
		inside = append(inside,
			cgtest.Start(t, sub, "sh", "-c", forks),
			cgtest.Start(t, sub, "sleep", "60"),
		)
		other := cgtest.Start(t, outside, "sleep", "60")
		if pids, err := m.Pids(true); err != nil || len(pids) < 3 {
			t.Errorf("Pids(true) = %v, %v, want 3 or more", pids, err)
		}
		if err := m.Kill(); err != nil {
			t.Errorf("Kill() = %v", err)
		}
		for _, p := range inside {
			if _, ok := p.Wait(5 * time.Second); !ok {
				t.Errorf("process %d survived", p.Process.Pid)
			}
		}
		// The sub-cgroups go with it.
		if err := m.Destroy(); err != nil {
			t.Errorf("Destroy() = %v", err)
		}
		if dirs := h.Dirs(id); len(dirs) != 0 {
			t.Errorf("left behind: %v", dirs)
		}
		if !other.Alive() {
			t.Error("a process outside was killed")
		}
	})
}

// A process that somebody moved into one hierarchy's cgroup only is in the
// container's way too.
func TestKillFindsStrays(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		if h.Mode == cgroups.Unified {
			t.Skip("v2 has one hierarchy")
		}
		m, _ := h.Manager(t, "")
		create(t, m, nil)
		other, _ := h.Manager(t, "")
		create(t, other, nil)
		p := cgtest.Start(t, other, "sleep", "60")
		cgtest.Write(t, m.Location()["cpu"]+"/cgroup.procs", itoa(p.Process.Pid))
		if err := m.Destroy(); err == nil || !strings.Contains(err.Error(), "/cpu/") || !strings.Contains(err.Error(), itoa(p.Process.Pid)) {
			t.Errorf("Destroy() = %v, want the cpu cgroup and process %d named", err, p.Process.Pid)
		}
		// The rest is gone; what is left can be tried again.
		if err := errors.Join(m.Kill(), m.Destroy()); err != nil {
			t.Errorf("Kill() and Destroy() = %v", err)
		}
	})
}

// Nothing can thaw a frozen parent from here: bounded, and said.
func TestDestroyUnderFrozenParent(t *testing.T) {
	if testing.Short() {
		t.Skip("waits ten seconds on v1")
	}
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		parent, id := h.Manager(t, "")
		create(t, parent, nil)
		m := h.At(t, "/"+id+"/c")
		create(t, m, nil)
		p := cgtest.Start(t, m, "sleep", "60")
		if err := parent.Freeze(5*time.Second, nil); err != nil {
			t.Fatal(err)
		}
		if err := m.Kill(); err != nil {
			t.Errorf("Kill() = %v", err)
		}
		start := time.Now()
		err := m.Destroy()
		if err := parent.Thaw(); err != nil {
			t.Error(err)
		}
		if h.Mode == cgroups.Unified {
			if err != nil {
				t.Errorf("Destroy() = %v; v2 lets a frozen process die", err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), itoa(p.Process.Pid)) {
			t.Errorf("Destroy() = %v, want process %d named", err, p.Process.Pid)
		}
		if d := time.Since(start); d > 12*time.Second {
			t.Errorf("Destroy() took %v", d)
		}
	})
}

func TestKillThaws(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		create(t, m, nil)
		p := cgtest.Start(t, m, "sleep", "60")
		if err := m.Freeze(5*time.Second, nil); err != nil {
			t.Fatal(err)
		}
		if err := m.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Wait(5 * time.Second); !ok {
			t.Error("a frozen process survived")
		}
		frozen(t, m, false)
	})
}

func TestDestroyNamesHolder(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		create(t, m, nil)
		p := cgtest.Start(t, m, "sleep", "60")
		start := time.Now()
		err := m.Destroy()
		if err == nil || !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "process "+itoa(p.Process.Pid)) {
			t.Errorf("Destroy() = %v, want process %d named", err, p.Process.Pid)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("Destroy() took %v for a process that isn't dying", d)
		}
	})
}

// A container with a cgroup namespace and a writable mount nests as it likes.
func TestDestroyDeepTree(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, id := h.Manager(t, "")
		create(t, m, nil)
		dir := path.Join(h.Hierarchies[len(h.Hierarchies)-1].Mountpoint, id)
		for range 40 {
			for _, name := range []string{"wide", strings.Repeat("d", 60)} {
				if err := os.Mkdir(dir+"/"+name, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			dir += "/" + strings.Repeat("d", 60)
		}
		if err := m.Destroy(); err != nil {
			t.Errorf("Destroy() = %v", err)
		}
		if dirs := h.Dirs(id); len(dirs) != 0 {
			t.Errorf("%d directories left", len(dirs))
		}
	})
}

func TestCreateUndoes(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, id := h.Manager(t, "a/b/c")
		bad := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(-7)}}
		if err := cgtest.Create(m, bad); err == nil || !strings.HasPrefix(err.Error(), "linux.resources.memory.limit: ") {
			t.Errorf("Create() = %v, want an error for linux.resources.memory.limit", err)
		}
		if dirs := h.Dirs(id); len(dirs) != 0 {
			t.Errorf("left behind: %v", dirs)
		}
		// What was there before stays.
		parent := h.At(t, "/"+id)
		create(t, parent, nil)
		if err := cgtest.Create(m, bad); err == nil {
			t.Error("Create() = nil")
		}
		if dirs := h.Dirs(id); len(dirs) != len(h.Hierarchies) {
			t.Errorf("directories = %v, want only the parents made before", dirs)
		}
	})
}

func create(t *testing.T, m cgroups.Place, r *specs.LinuxResources) {
	t.Helper()
	if err := cgtest.Create(m, r); err != nil {
		t.Fatalf("Create() = %v", err)
	}
}
