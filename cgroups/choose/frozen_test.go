package choose_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgtest"
	"github.com/rung-oci/rung/internal/testbed"
)

func frozenBy(t *testing.T, m cgroups.Processes, want string) {
	t.Helper()
	got, err := m.FrozenBy()
	if err != nil || (got == "") != (want == "") || !strings.HasSuffix(got, want) {
		t.Errorf("FrozenBy() = %q, %v, want %q", got, err, want)
	}
}

// The cgroup that was frozen is named, be it this one or one above.
func TestFrozenBy(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		top, id := h.Manager(t, "")
		create(t, top, nil)
		m := h.At(t, "/"+id+"/a/b")
		frozenBy(t, m, "") // there is none yet
		create(t, m, nil)
		p := cgtest.Start(t, m, "sleep", "60")
		frozenBy(t, m, "")
		if err := m.Freeze(5*time.Second, nil); err != nil {
			t.Fatal(err)
		}
		frozenBy(t, m, "/"+id+"/a/b")
		frozenBy(t, top, "")
		if err := top.Freeze(5*time.Second, nil); err != nil {
			t.Fatal(err)
		}
		frozenBy(t, m, "/"+id+"/a/b")
		if err := m.Thaw(); err != nil {
			t.Fatal(err)
		}
		frozenBy(t, m, "/"+id)
		frozenBy(t, top, "/"+id)
		if err := top.Thaw(); err != nil {
			t.Fatal(err)
		}
		testbed.Until(t, "thawed", func() bool { by, err := m.FrozenBy(); return by == "" && err == nil })
		if !p.Alive() {
			t.Error("the process has ended")
		}
	})
}

// More processes than are opened at a time get a signal, those below too, and
// nobody else.
func TestSignal(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		const many = 150
		m, id := h.Manager(t, "")
		create(t, m, nil)
		outside, _ := h.Manager(t, "")
		create(t, outside, nil)
		other := cgtest.Start(t, outside, "sleep", "60")
		crowd := cgtest.Start(t, m, "sh", "-c", "i=0; while [ $i -lt "+strconv.Itoa(many)+" ]; do sleep 60 & i=$((i+1)); done; wait")
		sub := h.At(t, "/"+id+"/a")
		create(t, sub, nil)
		below := cgtest.Start(t, sub, "sleep", "60")
		count := func() int {
			pids, err := m.Pids(true)
			if err != nil {
				t.Fatal(err)
			}
			return len(pids)
		}
		testbed.Until(t, "the crowd", func() bool { return count() >= many+2 })
		if err := m.Signal(0); err != nil || count() < many+2 {
			t.Errorf("Signal(0) = %v, %d processes", err, count())
		}
		if err := m.Signal(unix.SIGUSR2); err != nil {
			t.Errorf("Signal() = %v", err)
		}
		testbed.Until(t, "the end of the crowd", func() bool { return count() == 0 })
		for _, p := range []*cgtest.Process{crowd, below} {
			if _, ok := p.Wait(5 * time.Second); !ok {
				t.Errorf("process %d survived", p.Process.Pid)
			}
		}
		if !other.Alive() {
			t.Error("a process outside got the signal")
		}
		if err := m.Signal(unix.SIGTERM); err != nil {
			t.Errorf("Signal() to nobody = %v", err)
		}
	})
}
