package v2

import (
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestWrites(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		name string
		in   *specs.LinuxResources
		want string
	}{
		{"no resources", nil, "[]"},
		{"no limits", &specs.LinuxResources{Pids: &specs.LinuxPids{}, Memory: &specs.LinuxMemory{}}, "[]"},
		{"a pids limit", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: n(100)}}, "[pids pids.max=100 linux.resources.pids.limit false]"},
		{"-1 processes are any number", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: n(-1)}}, "[pids pids.max=max linux.resources.pids.limit true]"},
		{"no process is one, as in runc", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: n(0)}}, "[pids pids.max=1 linux.resources.pids.limit false]"},
		{"a memory limit", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: n(1 << 20)}}, "[memory memory.max=1048576 linux.resources.memory.limit false]"},
		{"-1 bytes are any number", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: n(-1)}}, "[memory memory.max=max linux.resources.memory.limit true]"},
		{"0 bytes are no limit asked for", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: n(0)}}, "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := []string{}
			for _, w := range Writes(c.in) {
				got = append(got, fmt.Sprintf("%s %s=%s %s %v", w.Controller, w.File, w.Value, w.Field, w.Unlimited))
			}
			if s := fmt.Sprint(got); s != c.want {
				t.Errorf("Writes() = %s, want %s", s, c.want)
			}
		})
	}
}
