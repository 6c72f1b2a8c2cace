package cli

import "testing"

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "-1": -1, "1048576": 1 << 20, "512m": 512 << 20, "1.5G": 3 << 29, "64KiB": 64 << 10, "10 mb": 10 << 20, "7b": 7, "2t": 2 << 40, "1P": 1 << 50,
	} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "abc", "m", "-2", "-1m", "0x10", "inf", "1e3", "9999p", "1.2.3", "1k2"} {
		if got, err := parseSize(s); err == nil || err.Error() != "invalid size: '"+s+"'" {
			t.Errorf("parseSize(%q) = %d, %v, want an error", s, got, err)
		}
	}
	for s, suffix := range map[string]string{"1x": "x", "1mm": "mm", "1kbb": "kbb", "1  m": " m", "10 XB": "XB", "1.5i": "i"} {
		if got, err := parseSize(s); err == nil || err.Error() != "invalid suffix: '"+suffix+"'" {
			t.Errorf("parseSize(%q) = %d, %v, want an error", s, got, err)
		}
	}
}
