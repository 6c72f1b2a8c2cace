package v2

import "testing"

// Both ranges' ends and defaults meet, and more shares never weigh less.
func TestWeight(t *testing.T) {
	for shares, want := range map[uint64]uint64{
		0: 1, 1: 1, 2: 1, 3: 2, 10: 4, 100: 17, 512: 59, 1024: 100, 2048: 174, 10000: 627, 131072: 5478, 262143: 10000, 262144: 10000, 1 << 60: 10000,
	} {
		if got := Weight(shares); got != want {
			t.Errorf("Weight(%d) = %d, want %d", shares, got, want)
		}
	}
	last := uint64(0)
	for shares := range uint64(1<<18 + 2) {
		got := Weight(shares)
		if got < last || got < 1 || got > 10000 {
			t.Fatalf("Weight(%d) = %d after %d", shares, got, last)
		}
		last = got
	}
}
