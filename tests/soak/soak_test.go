package soak

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

var (
	minutes    = flag.Float64("minutes", 0.25, "how long")
	containers = flag.Int("containers", 20, "how many")
)

func TestMain(m *testing.M) { harness.Main(m) }

// workers is how many calls are under way at once.
const workers = 8

// breaks is how often everything stands still, to be counted.
const breaks = 10

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
	for range *containers {
		b, err := newBox(dir, template)
		if err != nil {
			t.Fatal(err)
		}
		s.boxes = append(s.boxes, b)
		t.Cleanup(func() { _, _ = b.end() })
		if _, err := b.begin(); err != nil {
			t.Fatal(err)
		}
	}
	first := s.count(template.Root)
	first["state files"] += *containers // an update leaves one more
	each := time.Duration(*minutes * float64(time.Minute) / breaks)
	for i := range breaks {
		s.work(each)
		now := s.count(template.Root)
		t.Logf("break %d of %d: %d acts, %v", i+1, breaks, s.acts(), now)
		for what, n := range now {
			if n > first[what] {
				t.Errorf("break %d: %d of %s, there were %d", i+1, n, what, first[what])
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

// A soak is what has happened until now.
type soak struct {
	t        *testing.T
	boxes    []*box
	mu       sync.Mutex
	took     map[string][]time.Duration // by acts
	failures int
}

// work has the workers do what comes by chance, for a while.
func (s *soak) work(long time.Duration) {
	end := time.Now().Add(long)
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for time.Now().Before(end) {
				n, at := rand.IntN(total), 0
				for n >= acts[at].weight {
					n -= acts[at].weight
					at++
				}
				s.act(&acts[at], s.boxes[rand.IntN(len(s.boxes))])
			}
		})
	}
	all.Wait()
}

func (s *soak) act(a *act, b *box) {
	if a.shared {
		b.mu.RLock()
		defer b.mu.RUnlock()
	} else {
		b.mu.Lock()
		defer b.mu.Unlock()
	}
	took, err := a.do(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[a.name] = append(s.took[a.name], took)
	if err != nil {
		s.failures++
		s.t.Errorf("%s: %v", a.name, err)
	}
}

func (s *soak) acts() (n int) {
	for _, list := range s.took {
		n += len(list)
	}
	return n
}

// count is what there is while nothing is under way; what is about to go has a little time for it.
func (s *soak) count(root string) map[string]int {
	var counts map[string]int
	for range 20 {
		now := harness.Take().Count()
		_ = filepath.WalkDir(root, func(string, fs.DirEntry, error) error { now["state files"]++; return nil })
		if *minutes < 1 { // beside tests of other packages, whose programs these may be: nothing says whose one is
			delete(now, "device")
		}
		fds, _ := os.ReadDir("/proc/self/fd")
		now["descriptors"] = len(fds)
		if counts != nil && maps.Equal(counts, now) {
			break
		}
		counts = now
		time.Sleep(100 * time.Millisecond)
	}
	return counts
}

// report prints how long each act has taken: percentiles, and a picture of the whole, each bar twice as long as the one before.
func (s *soak) report() {
	var b strings.Builder
	fmt.Fprintf(&b, "%-30s %7s %9s %9s %9s %9s   1 ms to 1 min\n", "", "times", "p50", "p95", "p99", "most")
	for _, name := range slices.Sorted(maps.Keys(s.took)) {
		list := slices.Sorted(slices.Values(s.took[name]))
		at := func(part float64) time.Duration {
			return list[int(part*float64(len(list)-1))].Round(100 * time.Microsecond)
		}
		fmt.Fprintf(&b, "%-30s %7d %9v %9v %9v %9v   %s\n", name, len(list), at(0.5), at(0.95), at(0.99), at(1), bars(list))
	}
	s.t.Log("\n" + b.String())
}

// bars are how many of some times lie between 1 and 2 ms, 2 and 4, and so on.
func bars(list []time.Duration) string {
	const levels = " ▁▂▃▄▅▆▇█"
	var counts [17]int
	most := 1
	for _, d := range list {
		i := 0
		for limit := 2 * time.Millisecond; d >= limit && i < len(counts)-1; limit *= 2 {
			i++
		}
		counts[i]++
		most = max(most, counts[i])
	}
	var b strings.Builder
	runes := []rune(levels)
	for _, n := range counts {
		b.WriteRune(runes[(n*(len(runes)-1)+most-1)/most])
	}
	return b.String()
}
