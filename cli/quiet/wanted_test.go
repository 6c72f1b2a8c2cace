package quiet

import (
	"strings"
	"testing"
)

func TestWanted(t *testing.T) {
	for _, c := range []struct {
		args, listen string
		want         bool
	}{
		{"rung run x", "", true},
		{"rung --root /run/x --log l create --bundle b x", "", true},
		{"rung start x", "", false},
		{"rung exec x sh", "", true},
		{"rung state run", "", true}, // wrong, at the cost of a process
		{"rung run x", "1", false},
		{"rung run --preserve-fds 2 x", "", false},
		{"rung run --preserve-fds=2 x", "", false},
		{"rung create --help", "", false},
		{"rung create -h", "", false},
		{"rung", "", false},
		{"", "", false},
	} {
		if got := wanted(strings.Fields(c.args), c.listen); got != c.want {
			t.Errorf("wanted(%q, %q) = %v, want %v", c.args, c.listen, got, c.want)
		}
	}
}
