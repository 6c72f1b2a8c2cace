package soak

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) {
	if os.Getenv(daemonEnv) != "" {
		fmt.Fprintln(os.Stderr, "daemon:", daemon())
		os.Exit(1)
	}
	harness.Main(m)
}

// breaks is how often everything stands still, to be counted: each minute, and ten times at least.
func breaks() int { return max(10, int(math.Ceil(*minutes))) }

func TestSoak(t *testing.T) {
	harness.NeedRung(t, "what it promises for years")
	if harness.View() != "hybrid" && *minutes < 1 {
		t.Skip("a quarter of a minute is soaked in the hybrid view; make soak does all")
	}
	memory := int64(32 << 20)
	template := harness.New(t, harness.Args("/bin/sleep", "86400"), func(s *specs.Spec) {
		if harness.View() != "v2" { // which has no such controller here
			s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &memory}
		}
	})
	inv := harness.Take()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		own.reap(stop)
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	s := &soak{t: t, took: map[string][]time.Duration{}}
	dir := harness.TempDir(t)
	for i := range *containers {
		b, err := newBox(dir, template)
		if err != nil {
			t.Fatal(err)
		}
		if i%everyDisk == 0 {
			b.onDisk(t)
		}
		s.boxes = append(s.boxes, b)
		t.Cleanup(func() { _, _ = b.end() })
		if _, err := b.begin(); err != nil {
			t.Fatal(err)
		}
	}
	first := s.count(template.Root)
	first["state files"] += *containers // an update leaves one more
	for _, b := range s.boxes {
		if b.disk != "" { // as here, and somebody may write to the log
			first["inodes of disks"] += 2
			first["pages of disks"]++
		}
	}
	each := time.Duration(*minutes * float64(time.Minute) / float64(breaks()))
	var base map[string]int // of the kernel's, once it has what it keeps for later
	acts := 0
	for i := range breaks() {
		s.work(each)
		now, machine := s.count(template.Root), kernel()
		t.Logf("break %d of %d: %d acts, %v\n\tthe machine: %v", i+1, breaks(), s.acts(), now, machine)
		for what, n := range now {
			if n > first[what] {
				t.Errorf("break %d: %d of %s, there were %d", i+1, n, what, first[what])
			}
		}
		if i == 0 {
			base, acts = machine, s.acts()
		}
		if i == breaks()-1 && *minutes >= 1 { // shorter, others on the machine make more than we
			for _, what := range grown(base, machine, s.acts()-acts) {
				t.Errorf("the machine has %s", what)
			}
		}
		if s.failures > 20 {
			t.Fatal("too many failures")
		}
	}
	for _, b := range s.boxes {
		if _, err := b.end(); err != nil {
			t.Error(err)
		}
	}
	for _, line := range inv.Left(template) {
		t.Error(line)
	}
	s.report()
}
