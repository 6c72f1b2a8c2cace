package rootless

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// SIGKILL of create and of its stage at every named point: what is left,
// `delete --force` removes, as the same user.
func TestKillAtPoints(t *testing.T) {
	harness.Once(t)
	harness.UseTagged(t, "faultpoints")
	if err := user(); err != nil { // before the inventory: it mounts
		t.Fatal(err)
	}
	points := []string{
		"create:spawned", "create:claimed", "create:intent", "create:cgroup", "create:ordered", "create:ready", "create:recorded", "create:done",
		"stage:cloned", "stage:sources", "stage:mounts", "stage:built", "step:0", "step:5",
	}
	staged := []string{"stage:orders", "stage:released", "parent:stage:cloned", "parent:stage:released", "parent:stage:mounts"}
	for name, maps := range map[string][]specs.LinuxIDMapping{"one id": ranges["one id"], "65536 with his": ranges["65536 with his"]} {
		t.Run(name, func(t *testing.T) { killAtPoints(t, maps, "RUNG_STAGE=", points) })
		t.Run(name+", by a stage", func(t *testing.T) { killAtPoints(t, maps, "RUNG_STAGE=process", slices.Concat(points, staged)) })
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
