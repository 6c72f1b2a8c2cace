package cgroups_test

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgtest"
)

// cgtest fails by itself where the mode isn't that of the view.
func TestDetect(t *testing.T) {
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		if len(h.Hierarchies) == 0 {
			t.Fatal("no hierarchy")
		}
		for i := range h.Hierarchies {
			c := &h.Hierarchies[i]
			file := c.Mountpoint + "/tasks"
			if c.Unified {
				file = c.Mountpoint + "/cgroup.controllers"
			}
			cgtest.Read(t, file)
			if h.Mode == cgroups.Hybrid && c.Unified {
				if got, want := strings.Join(c.Controllers, " "), cgtest.Read(t, file); got != want {
					t.Errorf("unified controllers = %q, want %q", got, want)
				}
			}
			if want := c.Unified; want != (h.Mode != cgroups.Legacy && c == h.Hierarchy("")) {
				t.Errorf("%v has a unified hierarchy at %s", h.Mode, c.Mountpoint)
			}
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	for b.Loop() {
		if _, err := cgroups.Detect(); err != nil {
			b.Fatal(err)
		}
	}
}
