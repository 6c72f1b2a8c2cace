package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rung-oci/rung/tests/descriptor"
)

// Descriptors are all that processes which a container sees have had open before they
// became the container's program.
type Descriptors struct {
	looks map[int]int
	seen  map[string]int // what was open → how often
	wrong map[string]int // what leads to the host, or isn't in the table
}

// Look looks at a process that stands still.
func (d *Descriptors) Look(pid int) {
	if d.looks == nil {
		d.looks, d.seen, d.wrong = map[int]int{}, map[string]int{}, map[string]int{}
	}
	d.looks[pid]++
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	names, err := os.ReadDir(dir)
	if err != nil {
		return // it has ended
	}
	for _, n := range names {
		if len(n.Name()) == 1 && n.Name() <= "2" { // its caller's
			continue
		}
		what, ok := descriptor.Judge(pid, filepath.Join(dir, n.Name()))
		if what == "" {
			continue
		}
		d.seen[what]++
		if !ok {
			d.wrong[what]++
		}
	}
}

// Check reports what was wrong, and whether there was anything to see at all.
func (d *Descriptors) Check(t testing.TB, processes int) {
	t.Helper()
	looks := 0
	for _, n := range d.looks {
		looks += n
	}
	t.Logf("%d processes, %d looks: %v", len(d.looks), looks, d.seen)
	if len(d.looks) < processes || looks < 60*processes {
		t.Errorf("%d processes in %d looks: too few to prove anything", len(d.looks), looks)
	}
	for what, n := range d.wrong {
		t.Errorf("%d times open: %s", n, what)
	}
}
