package entry

import (
	"strings"
	"testing"
)

func TestMakesProcess(t *testing.T) {
	for args, want := range map[string]bool{
		"rung run x": true, "rung --root /run/x --log l create --bundle b x": true, "rung exec x sh": true,
		"rung start x": false, "rung": false, "": false, "run": false,
		"rung state run": true, // wrong
	} {
		if got := makesProcess(strings.Fields(args)); got != want {
			t.Errorf("makesProcess(%q) = %v, want %v", args, got, want)
		}
	}
}
