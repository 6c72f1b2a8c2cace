package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/fleet"
	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/top"
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

// BenchmarkTop is a look at a thousand containers, and the screen of it.
func BenchmarkTop(b *testing.B) {
	w := &watch{app: &app{}, told: map[string]bool{}, view: top.View{Sort: "cpu", Interval: time.Second}}
	var err error
	if w.fleet, err = fleet.Open([]fleet.Root{{Path: many(b, 1000), Trusted: true}}); err != nil {
		b.Fatal(err)
	}
	defer w.fleet.Close()
	for b.Loop() {
		w.look()
		w.view.Screen(w.rows, 200, 50)
	}
	if len(w.rows) != 1000 {
		b.Errorf("%d rows", len(w.rows))
	}
}
