package cli

import (
	"slices"
	"testing"
)

func TestCallArguments(t *testing.T) {
	got, err := callArguments([]string{"0", "0x10", "-1", "18446744073709551615", "-9223372036854775808", "0o17", "0b11"})
	if want := []uint64{0, 16, 1<<64 - 1, 1<<64 - 1, 1 << 63, 15, 3}; err != nil || !slices.Equal(got, want) {
		t.Errorf("callArguments = %d, %v, want %d", got, err, want)
	}
	if got, err := callArguments(nil); got != nil || err != nil {
		t.Errorf("none = %v, %v", got, err)
	}
	for _, word := range []string{"", "-", "x", "1x", "18446744073709551616", "-9223372036854775809", "1 ", "--1"} {
		if got, err := callArguments([]string{word}); err == nil {
			t.Errorf("callArguments(%q) = %d", word, got)
		}
	}
}

func FuzzCallArguments(f *testing.F) {
	f.Add("0x10")
	f.Add("-1")
	f.Fuzz(func(t *testing.T, word string) {
		if got, err := callArguments([]string{word}); err == nil && len(got) != 1 {
			t.Errorf("callArguments(%q) = %d", word, got)
		}
	})
}
