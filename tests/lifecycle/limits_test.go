package lifecycle

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// tiny is a program that needs next to no memory: 16 KiB of it are dirtied.
const tiny = `
static char some[16 << 10];
static const char text[] = "tiny\n";
void _start(void) {
	for (int i = 0; i < sizeof some; i += 512) some[i] = 1;
	sys(NR_write, 1, (long)text, sizeof text - 1, 0, 0, 0);
	sys(NR_exit, 7, 0, 0, 0, 0, 0);
}
`

func tinyBundle(t *testing.T, edit func(*specs.LinuxResources)) *harness.Bundle {
	t.Helper()
	b := harness.New(t, harness.Args("/bin/tiny"), func(s *specs.Spec) { edit(s.Linux.Resources) })
	copyProgram(t, harness.C(t, "tiny", tiny), b.Rootfs+"/bin/tiny")
	return b
}

func expectTiny(t *testing.T, r *harness.Result) {
	t.Helper()
	if r.Code != 7 || r.Stdout != "tiny\n" || r.Stderr != "" {
		t.Errorf("want tiny, and exit code 7: %v", r)
	}
}

// One process is what a container has; making it takes no second one.
func TestPidsLimitOne(t *testing.T) {
	harness.Controller(t, "pids")
	harness.NeedRung(t, "a pids.limit of 1")
	b := tinyBundle(t, func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(1))} })
	expectTiny(t, b.Container(t, "run"))
	b = harness.New(t, harness.Shell("true & echo not alone"), func(s *specs.Spec) {
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(1))}
	})
	if r := b.Container(t, "run"); r.Code == 0 || strings.Contains(r.Stdout, "not alone") {
		t.Errorf("want the fork to fail: %v", r)
	}
}

// The runtime's own memory isn't the container's.
func TestSmallMemoryLimit(t *testing.T) {
	harness.Controller(t, "memory")
	harness.NeedRung(t, "memory limits of this size")
	for _, limit := range []int64{1 << 20, 512 << 10} {
		b := tinyBundle(t, func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: &limit} })
		expectTiny(t, b.Container(t, "run"))
	}
}

func TestLimitsAreWritten(t *testing.T) {
	harness.Controller(t, "memory")
	harness.Controller(t, "pids")
	limit := int64(64 << 20)
	b := harness.New(t, harness.Args("/bin/sleep", "60"), func(s *specs.Spec) {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(33))}
	})
	pid, _ := b.Create(t)
	found := map[string]string{}
	for _, dir := range harness.CgroupDirs(b.ID) {
		for _, file := range []string{"memory.limit_in_bytes", "memory.max", "pids.max"} {
			if data, err := os.ReadFile(dir + "/" + file); err == nil {
				found[file] = strings.TrimSpace(string(data))
			}
		}
	}
	if got := found["memory.limit_in_bytes"] + found["memory.max"]; got != "67108864" {
		t.Errorf("memory limit = %s, want 67108864", got)
	}
	if found["pids.max"] != "33" {
		t.Errorf("pids.max = %s, want 33", found["pids.max"])
	}
	b.End(t, pid)
}

// A container that is killed for its memory says so by how it ended.
func TestOutOfMemory(t *testing.T) {
	harness.Controller(t, "memory")
	limit := int64(32 << 20)
	b := harness.New(t, harness.Shell("x=$(yes | head -c 200000000); echo survived"), func(s *specs.Spec) {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
	})
	if r := b.Container(t, "run"); r.Code != 137 || strings.Contains(r.Stdout, "survived") {
		t.Errorf("want exit code 137: %v", r)
	}
}

func TestOutOfMemoryInCreate(t *testing.T) {
	harness.Controller(t, "memory")
	harness.NeedRung(t, "memory limits of this size")
	limit := int64(4096)
	b := harness.New(t, func(s *specs.Spec) { s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit} })
	r := b.Container(t, "run")
	if r.Code == 0 || r.Stderr == "" {
		t.Errorf("want a failure with a text: %v", r)
	}
}
