package cgfile

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"
)

func TestExiting(t *testing.T) {
	for _, c := range []struct {
		stat string
		want bool
	}{
		{"7 (sleep) S 1 7 7 0 -1 4194304 0 0", false},
		{"7 (a) b) R 1 7 7 0 -1 4194308 0 0", true},
		{"7 (4) 4 4 4 4 4", false},
		{"", false},
	} {
		if got := exiting(c.stat); got != c.want {
			t.Errorf("exiting(%q) = %v, want %v", c.stat, got, c.want)
		}
	}
	if Dying(os.Getpid()) {
		t.Error("Dying() of the test = true")
	}
}

func FuzzAppendNames(f *testing.F) {
	record := make([]byte, 24)
	binary.NativeEndian.PutUint16(record[16:], 24)
	record[18] = 4
	copy(record[19:], "ab")
	f.Add(record)
	f.Add(record[:20])
	f.Fuzz(func(t *testing.T, buf []byte) {
		for _, name := range appendNames(nil, buf, 4) {
			if name == "." || name == ".." {
				t.Errorf("appendNames() has %q", name)
			}
		}
	})
	if got := appendNames(nil, slices.Concat(record, record), 4); !slices.Equal(got, []string{"ab", "ab"}) {
		f.Errorf("appendNames() = %v, want ab twice", got)
	}
}
