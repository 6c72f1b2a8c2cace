package sweep

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) {
	if err := moreFlags(); err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
	harness.Main(m)
}

// Every call fails once, and every process is killed at every call: none hangs, none lies, nothing is left.
func TestSweep(t *testing.T) {
	harness.NeedRung(t, "what it promises when calls fail")
	if !able {
		t.Skip("calls are had to fail on amd64 only")
	}
	if harness.View() != "hybrid" && withoutSystemd() != "" && !*whole && *sample == 0 {
		t.Skip("a sample is taken in the hybrid view; make sweep does all")
	}
	dice := rand.New(rand.NewPCG(*seed, 0))
	pairs := pairsOf(*bundle, *only)
	if len(pairs) == 0 {
		t.Fatalf("no kind %q with verb %q", *bundle, *only)
	}
	var sum table
	defer sum.report(t)
	if *whole || *sample > 0 {
		for _, p := range pairs {
			p.run(t, dice, *which, *sample, &sum)
		}
		return
	}
	const some = 8 // of one pair, whose calls take a while to count
	for end := time.Now().Add(*budget); time.Now().Before(end); {
		pairs[dice.IntN(len(pairs))].run(t, dice, *which, some, &sum)
	}
}

// What a sweep has found once is tried each time.
func TestFound(t *testing.T) {
	harness.NeedRung(t, "what it promises when calls fail")
	if *shard != "" || *which != "" {
		t.Skip("some faults are asked for")
	}
	if !able || harness.View() != "hybrid" {
		t.Skip("in the hybrid view, and on amd64 only")
	}
	for _, f := range []struct{ kind, verb, fault string }{
		{"plain", "create", `^ENOMEM at fchmod 0 of the runtime$`},                                                   // the state directory was left
		{"hooks", "delete", `^EPERM at newfstatat [0-5] of the runtime$`},                                            // all but the state directory was left
		{"network device", "create", `^(ENOSPC at sendto|EIO at recvfrom|EPERM at getsockname) \d+ of the runtime$`}, // the device was lost
		{"joined", "kill", `^(EBUSY at write|EMFILE at openat2) \d+ of the runtime$`},                                // it stayed frozen
		{"hooks", "create", `^EIO at pread64 \d+ of the runtime$`},                                                   // it hung
	} {
		var sum table
		pairsOf(f.kind, f.verb)[0].run(t, nil, f.fault, 0, &sum)
		if n := len(sum.sweeps); n == 0 || sum.sweeps[0].tried == 0 {
			t.Errorf("%s, %s: no fault is %s any more", f.verb, f.kind, f.fault)
		}
	}
}

// pairsOf are those of some kinds and verbs.
func pairsOf(kindList, verbList string) (pairs []pair) {
	for i := range kinds {
		for j := range verbs {
			if chosen(kindList, kinds[i].name) && chosen(verbList, verbs[j].name) {
				pairs = append(pairs, pair{&kinds[i], &verbs[j]})
			}
		}
	}
	return pairs
}

// A pair is what is swept: a verb on a kind of bundle.
type pair struct {
	kind *kind
	verb *verb
}

// run tries so many of the faults that match, all if it is 0.
func (p pair) run(t *testing.T, dice *rand.Rand, match string, n int, sum *table) {
	t.Helper()
	t.Run(p.kind.name+"/"+p.verb.name, func(t *testing.T) {
		if p.kind.lacks != nil {
			if why := p.kind.lacks(); why != "" {
				t.Skip(why)
			}
		}
		ownNetwork(t)
		s := newSweep(t, p.kind, p.verb)
		if s.ordinary && p.verb.root {
			t.Skipf("%s takes root", p.verb.name)
		}
		s.count(t)
		defer sum.add(s)
		faults, err := choose(s.faults, match)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			dice.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
			faults = faults[:min(n, len(faults))]
		}
		s.all(t, faults)
	})
}
