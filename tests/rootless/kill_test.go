package rootless

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// SIGKILL of create and of its first process at every named point: what is left,
// `delete --force` removes, as the same user.
func TestKillAtPoints(t *testing.T) {
	harness.Once(t)
	harness.UseTagged(t, "faultpoints")
	if err := harness.User(); err != nil { // before the inventory: it mounts
		t.Fatal(err)
	}
	points := []string{
		"create:claimed", "create:intent", "create:cgroup", "create:ordered", "create:ready", "create:recorded", "create:done",
		"build:cloned", "build:sources", "build:mounts", "build:done", "step:0", "step:5",
		"first:build:cloned", "first:build:sources", "first:build:mounts", "first:build:done", "first:step:5",
	}
	for name, maps := range map[string][]specs.LinuxIDMapping{"one id": ranges["one id"], "65536 with his": ranges["65536 with his"]} {
		for _, player := range []string{"", "go"} {
			t.Run(name+player, func(t *testing.T) { killAtPoints(t, maps, "RUNG_PLAYER="+player, points) })
		}
	}
}

func killAtPoints(t *testing.T, maps []specs.LinuxIDMapping, env string, points []string) {
	inv := harness.Take()
	b := newBundle(t, mapping(maps...), harness.Args("/bin/sleep", "1000"))
	for _, point := range points {
		cmd := b.Cmd("create")
		cmd.Env = []string{"PATH=/usr/bin:/bin", "RUNG_FAULT=" + point, env}
		if r := cmd.Run(t); r.Code == 0 {
			t.Errorf("%s was not reached", point)
		}
		harness.Reap()
		b.Run(t, "delete", "--force", b.ID).Silent(t)
		for _, line := range inv.Left(b) {
			t.Errorf("%s: %s", point, line)
		}
	}
}
