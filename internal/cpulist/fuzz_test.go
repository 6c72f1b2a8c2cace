package cpulist

import (
	"strings"
	"testing"
)

// No list takes more memory than its limit is worth, and what is added to one stays in it.
func FuzzMask(f *testing.F) {
	for _, text := range []string{"", "0", "0-3,7", "3-0", "-", "0-", "99999999999999999999", "1,,2", " 1 - 2 "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, list string) {
		const limit = 1024
		mask, err := Mask(list, limit)
		if err != nil {
			return
		}
		if len(mask) > limit/8 || len(mask)%8 != 0 {
			t.Errorf("%q: %d bytes", list, len(mask))
		}
		if strings.TrimSpace(list) == "" {
			return
		}
		more, err := Mask(list+",5", limit)
		if err != nil {
			t.Fatalf("%q with 5: %v", list, err)
		}
		for i, b := range mask {
			if more[i]&b != b {
				t.Errorf("%q: with 5 it has less", list)
			}
		}
	})
}
