package harness

import (
	"flag"
	"testing"
)

func TestSeed(t *testing.T) {
	at := Seed("test-of-seed", 7, "of a test")
	if *at != 7 {
		t.Errorf("%d without the flag", *at)
	}
	for text, want := range map[string]uint64{"008": 8, "010": 10, "365": 365} {
		if err := flag.Set("test-of-seed", text); err != nil || *at != want {
			t.Errorf("%s: %d, %v", text, *at, err)
		}
	}
	for _, text := range []string{"", "0x8", "-1", "a"} {
		if err := flag.Set("test-of-seed", text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
