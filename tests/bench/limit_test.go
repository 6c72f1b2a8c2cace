package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The reference compiles without a warning, and says how it is called.
func TestBuildLimit(t *testing.T) {
	t.Chdir("..") // from where the command is run
	out := t.TempDir() + "/limit"
	err := buildLimit(out)
	if errors.Is(err, errNoLimit) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(out).CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(string(text), "usage: limit BUNDLE STATE ID CGROUP") {
		t.Errorf("%v: %s", err, text)
	}
	if info, err := os.Stat(out); err != nil || info.Size() > 64<<10 {
		t.Errorf("%v bytes, %v: what does a reference need them for?", info.Size(), err)
	}
}

func TestContestants(t *testing.T) {
	b := &bench{options: &options{limit: "/limit"}}
	for operation, want := range map[string]int{"run": 4, "run docker": 3, "exec": 3} {
		if got := len(b.contestants(operation)); got != want {
			t.Errorf("%s: %d contestants, want %d", operation, got, want)
		}
	}
	b.limit = ""
	if got := len(b.contestants("run")); got != 3 {
		t.Errorf("without a reference %d do run, want 3", got)
	}
}
