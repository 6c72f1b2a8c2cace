package lifecycle

import (
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

// Whoever watches a full host asks for the figures of each container in turn.
// That is to take 2 ms on an idle machine, on which a program that does nothing
// takes one: so twice as long as --version, whatever else the machine does. And
// no longer with a thousand containers than with one.
func TestThousandStats(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 1,000 containers, and measures: half a minute in each view")
	}
	harness.NeedRung(t, "answers within 2 ms")
	const many, rounds = 1000, 3
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	b.Spec.Linux.CgroupsPath = "" // each has its own, by its id
	b.Save(t)
	id := func(i int) string { return b.ID + "-" + strconv.Itoa(i) }
	t.Cleanup(func() {
		for i := range many {
			b.Run(t, "delete", "--force", id(i))
		}
		harness.Until(t, "all have been reaped", func() bool { return b.ReapAll(t) == 0 })
	})
	run := func(i int) {
		if r := b.Run(t, "run", "--detach", "--bundle", b.Dir, id(i)); r.Code != 0 {
			t.Fatalf("container %d: %v", i, r)
		}
	}
	// took is the shortest of the medians of a few rounds.
	took := func(args func(n int) []string) time.Duration {
		var medians []time.Duration
		for range rounds {
			var all []time.Duration
			for n := range many {
				start := time.Now()
				if err := exec.Command(harness.Runtime(), args(n)...).Run(); err != nil {
					t.Fatalf("%v: %v", args(n), err)
				}
				all = append(all, time.Since(start))
			}
			slices.Sort(all)
			medians = append(medians, all[len(all)/2])
		}
		return slices.Min(medians)
	}
	stats := func(n int) []string { return []string{"--root", b.Root, "events", "--stats", id(n)} }
	run(0)
	one := took(func(int) []string { return stats(0) })
	for i := 1; i < many; i++ {
		run(i)
	}
	each := took(stats)
	nothing := took(func(int) []string { return []string{"--version"} })
	t.Logf("one container: %v; each of %d: %v; --version: %v", one, many, each, nothing)
	if each > 2*nothing {
		t.Errorf("an answer takes %v, and --version %v", each, nothing)
	}
	if each > one*3/2 {
		t.Errorf("an answer takes %v among %d containers, and %v alone", each, many, one)
	}
}
