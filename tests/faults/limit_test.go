package faults

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// setting is the content of the file in the container's cgroup that is there by
// one of the names.
func setting(t *testing.T, b *harness.Bundle, names ...string) string {
	t.Helper()
	for _, dir := range harness.CgroupDirs(b.ID) {
		for _, name := range names {
			if text, err := os.ReadFile(dir + "/" + name); err == nil {
				return strings.TrimSpace(string(text))
			}
		}
	}
	t.Errorf("no file %v", names)
	return ""
}

// oneLine fails unless a call has failed with one line that is made for people.
func oneLine(t *testing.T, what string, r *harness.Result) {
	t.Helper()
	if r.Code == 0 || strings.Count(r.Stderr, "\n") != 1 || strings.Contains(r.Stderr, "goroutine") {
		t.Errorf("%s: want one line: %v", what, r)
	}
}

// Catalogue row 7: memory limits from far too little to enough. The program
// runs, is killed for its memory, or create says soon that it can't be.
func TestTinyMemory(t *testing.T) {
	harness.Controller(t, "memory")
	seccomp := func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"acct"}, Action: specs.ActErrno}}}
	}
	step := int64(rounds(256, 2048)) << 10
	for name, edit := range map[string]harness.Edit{"no filter": func(*specs.Spec) {}, "seccomp": seccomp} {
		inv := harness.Take()
		ran := int64(0)
		for limit := int64(256 << 10); limit <= 16<<20; limit += step {
			b := harness.New(t, harness.Args("/bin/true"), edit, func(s *specs.Spec) {
				s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit, Swap: &limit}
			})
			r := b.Container(t, "run")
			switch {
			case r.Code == 0:
				r.Silent(t)
				if ran == 0 {
					ran = limit
				}
			case r.Code == 137: // its own end
			default:
				oneLine(t, fmt.Sprint(limit), r)
			}
			if limit >= 4<<20 && r.Code != 0 {
				t.Errorf("%s, %d KiB: %v", name, limit>>10, r)
			}
			if r.Elapsed > 5*time.Second {
				t.Errorf("%s, %d KiB: took %v", name, limit>>10, r.Elapsed)
			}
			remove(t, b, inv, fmt.Sprintf("%s, %d KiB", name, limit>>10))
		}
		t.Logf("%s: runs from %d KiB on", name, ran>>10)
	}
}

// Row 8: limits of processes, by the configuration and by update. What an exec
// is refused for, it says.
func TestPidsLimits(t *testing.T) {
	harness.Controller(t, "pids")
	inv := harness.Take()
	for limit, want := range map[int64]string{1: "1", 2: "2", 3: "3", 0: "1", -1: "max"} {
		for _, late := range []bool{false, true} {
			what := fmt.Sprintf("limit %d, update %v", limit, late)
			b := sleeper(t)
			if !late {
				b.Spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
				b.Save(t)
			}
			pid, _ := b.Create(t)
			b.Must(t, "start")
			if late {
				file := b.Dir + "/pids.json"
				put(t, file, fmt.Sprintf(`{"pids":{"limit":%d}}`, limit))
				b.Run(t, "update", "-r", file, b.ID).Silent(t)
			}
			if got := setting(t, b, "pids.max"); got != want {
				t.Errorf("%s: pids.max = %s, want %s", what, got, want)
			}
			r := b.Run(t, "exec", b.ID, "/bin/true")
			if want == "1" && r.Code != 0 {
				oneLine(t, what, r)
				if !strings.Contains(r.Stderr, "pids") {
					t.Errorf("%s: want the limit named: %v", what, r)
				}
			} else if r.Code != 0 {
				t.Errorf("%s: %v", what, r)
			}
			if st := status(t, b); st != "running" {
				t.Errorf("%s: state %s, want running", what, st)
			}
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			remove(t, b, inv, what)
		}
	}
}

// Row 36: an update that fails in the middle leaves kernel and state as they
// were: the next one goes on from there.
func TestUpdateFailsInTheMiddle(t *testing.T) {
	harness.Controller(t, "cpuset")
	inv := harness.Take()
	limit, quota := int64(64<<20), int64(50000)
	b := sleeper(t, func(s *specs.Spec) {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
		s.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &quota}
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(40))}
	})
	pid, _ := b.Create(t)
	b.Must(t, "start")
	look := func() string {
		return fmt.Sprint(setting(t, b, "memory.max", "memory.limit_in_bytes"), setting(t, b, "cpu.max", "cpu.cfs_quota_us"), setting(t, b, "pids.max"), setting(t, b, "cpuset.cpus"))
	}
	before := look()
	file := b.Dir + "/r.json"
	put(t, file, `{"memory":{"limit":134217728},"pids":{"limit":7},"cpu":{"quota":20000,"cpus":"4095"}}`)
	r := b.Run(t, "update", "-r", file, b.ID)
	oneLine(t, "update", r)
	if !strings.Contains(r.Stderr, "cpuset") && !strings.Contains(r.Stderr, "cpus") {
		t.Errorf("want what failed: %v", r)
	}
	if got := look(); got != before {
		t.Errorf("after the update: %s, want %s", got, before)
	}
	// The state knows the old quota, and no other.
	put(t, file, `{"cpu":{"period":200000}}`)
	b.Run(t, "update", "-r", file, b.ID).Silent(t)
	if got := setting(t, b, "cpu.max", "cpu.cfs_quota_us"); got != "50000" && got != "50000 200000" {
		t.Errorf("quota %s, want 50000", got)
	}
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	remove(t, b, inv, "update")
}
