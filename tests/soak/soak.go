package soak

import (
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

var (
	minutes    = flag.Float64("minutes", 0.25, "how long")
	containers = flag.Int("containers", 20, "how many")
)

// workers is how many calls are under way at once.
const workers = 8

// A soak is what has happened until now.
type soak struct {
	t        *testing.T
	boxes    []*box
	mu       sync.Mutex
	took     map[string][]time.Duration // by acts
	probes   [][]time.Duration          // of exec, by breaks
	failures int
}

// work has the workers do what comes by chance, for a while.
func (s *soak) work(long time.Duration) {
	end := time.Now().Add(long)
	s.probes = append(s.probes, nil)
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
				n = rand.IntN(len(s.boxes))
				if acts[at].name == fullDiskName {
					n -= n % everyDisk // one that has a disk of its own
				}
				s.act(&acts[at], s.boxes[n])
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
	if a.name == "exec" {
		last := len(s.probes) - 1
		s.probes[last] = append(s.probes[last], took)
	}
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
