package entry

import (
	"strings"
	"testing"
)

func TestCodeOf(t *testing.T) {
	for line, want := range map[string]uintptr{
		"": 1, "rung": 1, "plan": 1, "rung doctor": 2, "rung plan --diff a b": 2, "rung state plan": 1, "rung run doctor": 1, "rung exec c true": 255, "rung --root exec state c": 1,
		"rung --root /r doctor b": 2, "rung --root plan state x": 1, "rung --root=/r plan": 2, "rung --debug plan": 2, "rung --systemd-cgroup --log l doctor": 2,
	} {
		text := ""
		if line != "" {
			text = strings.ReplaceAll(line, " ", "\x00") + "\x00"
		}
		if got := codeOf(text); got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
}
