package lifecycle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// psPIDs is what `ps --format json` lists.
func psPIDs(t *testing.T, b *harness.Bundle) (pids []int) {
	t.Helper()
	r := b.Run(t, "ps", "--format", "json", b.ID)
	r.Silent(t)
	if err := json.Unmarshal([]byte(r.Stdout), &pids); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	return pids
}

// crowd creates and starts the container and waits until it has n processes.
func crowd(t *testing.T, b *harness.Bundle, n int) (pid int) {
	t.Helper()
	pid, _ = b.Create(t)
	b.Must(t, "start")
	waitCrowd(t, b, n)
	return pid
}

func waitCrowd(t *testing.T, b *harness.Bundle, n int) {
	t.Helper()
	harness.Until(t, fmt.Sprintf("container %s has %d processes", b.ID, n), func() bool { return len(psPIDs(t, b)) == n })
}

// intoSub moves a process of a container to a cgroup below the container's, in
// every hierarchy, as an init system in a container would.
func intoSub(t *testing.T, b *harness.Bundle, sub string, pid int) {
	t.Helper()
	for _, dir := range harness.CgroupDirs(b.ID) {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		dir += "/" + sub
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		fillCpuset(t, dir)
		if err := os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// fillCpuset gives a new v1 cpuset what it needs to take a process, parents first.
func fillCpuset(t *testing.T, dir string) {
	t.Helper()
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		own, err := os.ReadFile(dir + "/" + file)
		if err != nil || strings.TrimSpace(string(own)) != "" || !strings.Contains(dir, "/cpuset/") {
			continue
		}
		fillCpuset(t, filepath.Dir(dir))
		above, err := os.ReadFile(filepath.Dir(dir) + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+file, above, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// The pids are the host's, those of the cgroups below too, and of nobody else.
func TestPS(t *testing.T) {
	b := harness.New(t, harness.Shell("sleep 61 & sleep 62 & wait"))
	pid := crowd(t, b, 3)
	b.WaitPS(t, "sleep 61", "sleep 62")
	pids := psPIDs(t, b)
	if !slices.IsSorted(pids) || !slices.Contains(pids, pid) {
		t.Errorf("pids %v, want sorted, with %d", pids, pid)
	}
	inside, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pids {
		if got := ns(t, p, "pid"); got != inside {
			t.Errorf("process %d is in %s, want %s", p, got, inside)
		}
	}
	for i, p := range pids {
		if p != pid {
			intoSub(t, b, fmt.Sprintf("a/b%d", i), p)
		}
	}
	if got := psPIDs(t, b); !slices.Equal(got, pids) {
		t.Errorf("with cgroups below: %v, want %v", got, pids)
	}
	table := b.Must(t, "ps", "-o", "pid,args").Stdout
	for _, want := range []string{"PID COMMAND\n", " sleep 61\n", " sleep 62\n"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in %s", want, table)
		}
	}
	if n := strings.Count(table, "\n"); n != 4 {
		t.Errorf("%d lines, want 4: %s", n, table)
	}
	b.End(t, pid)
}

// Two containers in one pid namespace have their own processes each.
func TestPSSharedPIDNamespace(t *testing.T) {
	first := harness.New(t, harness.Shell("sleep 61 & wait"))
	one := crowd(t, first, 2)
	b := first.Beside(t, harness.Shell("sleep 62 & sleep 63 & wait"), addNS(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", one)))
	two := crowd(t, b, 3)
	for _, p := range psPIDs(t, b) {
		if slices.Contains(psPIDs(t, first), p) {
			t.Errorf("process %d is of both containers", p)
		}
	}
	b.End(t, two)
	waitCrowd(t, first, 2)
	first.End(t, one)
	b.ReapAll(t)
}
