package cpulist

import (
	"bytes"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestMask(t *testing.T) {
	for _, c := range []struct {
		list string
		want []byte
		err  string
	}{
		{"", nil, ""},
		{"0", []byte{1, 0, 0, 0, 0, 0, 0, 0}, ""},
		{"0-3,9", []byte{15, 2, 0, 0, 0, 0, 0, 0}, ""},
		{" 1 , 64", []byte{2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, ""},
		{"3-1", nil, `range "3-1" runs backwards`},
		{"x", nil, `"x" is neither a number nor a range`},
		{"1,", nil, `"" is neither a number nor a range`},
		{"-1", nil, `"-1" is neither a number nor a range`},
		{"0-128", nil, "128 is above 127"},
	} {
		got, err := Mask(c.list, 128)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("Mask(%q): %v, want %s", c.list, err, c.err)
			}
			continue
		}
		// The bytes are those of a little-endian machine, as the tests run on.
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("Mask(%q) = %v, %v, want %v", c.list, got, err, c.want)
		}
	}
}
