package fresh

import "testing"

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		script string
		status int
		out    string
	}{
		{"cat", 0, "typed"},
		{"hostname; exit 3", 3, "rung\n"},
		{"echo $$", 0, "1\n"},                             // nobody else is there
		{"touch /tmp/x 2>/dev/null", 1, ""},               // nothing can be changed
		{"kill -KILL $$; echo survives", 0, "survives\n"}, // pid 1 is out of its own reach
	} {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			status, out := Run(t, "typed", "sh", "-c", tt.script)
			if int(status) != tt.status || out != tt.out {
				t.Errorf("%v, %q", status, out)
			}
		})
	}
}
