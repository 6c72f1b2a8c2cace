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

// Catalogue row 7: memory limits from far too little to enough. With far too little
// create says soon that it can't be, and why; with 1 MiB everything works; between
// them the program runs, is killed for its memory, or create says so.
func TestTinyMemory(t *testing.T) {
	harness.Controller(t, "memory")
	harness.Once(t)
	const hopeless, enough = 4 << 10, 1 << 20
	seccomp := func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"acct"}, Action: specs.ActErrno}}}
	}
	limits := []int64{1, hopeless, 16 << 10, 64 << 10, 96 << 10, 128 << 10, 192 << 10, 256 << 10, 512 << 10, enough, 2 << 20, 16 << 20}
	if !testing.Short() {
		for limit := int64(16 << 10); limit <= 16<<20; limit += max(16<<10, limit/16) {
			limits = append(limits, limit)
		}
	}
	for name, edit := range map[string]harness.Edit{"no filter": func(*specs.Spec) {}, "seccomp": seccomp, "user namespace": harness.MappedRoot} {
		inv := harness.Take()
		count := make(map[string]int)
		for _, limit := range limits {
			what := fmt.Sprintf("%s, %d bytes", name, limit)
			b := harness.New(t, harness.Args("/bin/true"), edit, func(s *specs.Spec) {
				s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit, Swap: &limit}
			})
			b.Chown(t)
			r := b.Container(t, "run")
			end := "fails"
			switch {
			case r.Code == 0 && r.Stderr == "":
				end = "runs"
			case r.Code == 137 && r.Stderr == "":
				end = "is killed"
			case r.Code == 1 && strings.Count(r.Stderr, "\n") == 1 &&
				(strings.Contains(r.Stderr, "memory limit too low") || strings.Contains(r.Stderr, "cannot allocate memory")):
				end = "is refused"
			}
			count[end]++
			if end == "fails" || limit <= hopeless && end != "is refused" || limit >= enough && end != "runs" {
				t.Errorf("%s: %s: %v", what, end, r)
			}
			if r.Elapsed > 2*time.Second {
				t.Errorf("%s: took %v", what, r.Elapsed)
			}
			remove(t, b, inv, what)
		}
		t.Logf("%s: %v", name, count)
	}
}

// Row 8: limits of processes, by the configuration and by update. The first process
// is under them, and so is an exec: one that is born in its cgroup (v2) counts and is
// refused, and says why; one that is moved there (v1) isn't, by the kernel's rules, but
// can't go on to fork.
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
			execs(t, b, what, want)
			if st := status(t, b); st != "running" {
				t.Errorf("%s: state %s, want running", what, st)
			}
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			remove(t, b, inv, what)
		}
	}
}

// execs checks what a limit allows beside the first process: one that does nothing,
// and one that forks.
func execs(t *testing.T, b *harness.Bundle, what, limit string) {
	t.Helper()
	r := b.Run(t, "exec", b.ID, "/bin/true")
	if limit == "1" && pidsInV2(t, b) {
		oneLine(t, what, r)
		if !strings.Contains(r.Stderr, "the pids limit of 1 is reached in cgroup ") {
			t.Errorf("%s: want the limit named: %v", what, r)
		}
		return
	}
	if r.Code != 0 || r.Stderr != "" {
		t.Errorf("%s: exec: %v", what, r)
	}
	r = b.Run(t, "exec", b.ID, "/bin/sh", "-c", "(exit 0); echo forked")
	if limit == "1" || limit == "2" {
		if r.Code == 0 || r.Stdout != "" || !strings.Contains(r.Stderr, "can't fork") {
			t.Errorf("%s: a program that was exec'd forks over the limit: %v", what, r)
		}
	} else if r.Code != 0 || r.Stdout != "forked\n" {
		t.Errorf("%s: exec of what forks: %v", what, r)
	}
}

// pidsInV2 tells whether the container's pids controller is that of cgroup v2.
func pidsInV2(t *testing.T, b *harness.Bundle) bool {
	t.Helper()
	for _, dir := range harness.CgroupDirs(b.ID) {
		if _, err := os.Stat(dir + "/pids.max"); err == nil {
			_, err := os.Stat(dir + "/cgroup.controllers")
			return err == nil
		}
	}
	t.Fatal("no pids.max")
	return false
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
