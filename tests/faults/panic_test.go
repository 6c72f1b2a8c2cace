package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// A fault of ours is an error of one line, at every named point and every step of a run, and leaves nothing.
func TestPanicAtPoints(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	for _, c := range buildConfigs() {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			panicAtPoints(t, c)
		})
	}
}

func panicAtPoints(t *testing.T, c buildConfig) {
	inv := harness.Take()
	b := sleeper(t, c.edit, harness.DropMount("/dev/mqueue"))
	try := func(point string, flags ...string) (reached bool) {
		r := with(b.Cmd(append([]string{"run"}, flags...)...), "RUNG_FAULT=panic:"+point, c.env).Run(t)
		if r.Code == 0 {
			remove(t, b, inv, point)
			return false
		}
		if r.Code != 1 || !strings.Contains(r.Stderr, "internal error: fault at "+point) || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%s: want a line: %v", point, r)
		}
		for _, line := range inv.Left(b) {
			t.Errorf("%s: left: %s", point, line)
		}
		return true
	}
	for _, point := range slices.Concat(createPoints, buildPoints) {
		if !try(point, "-d") {
			t.Errorf("%s wasn't reached", point)
		}
	}
	try("run:started")
	every := rounds(1, 3) // in a short test some steps, others for each configuration
	n := len(c.name) % every
	for try(fmt.Sprintf("step:%d", n), "-d") {
		n += every
	}
	if n < 5 {
		t.Errorf("only %d steps", n)
	}
	r := with(b.Cmd("run"), "RUNG_FAULT=panic:create:ready", c.env)
	r.Args = append([]string{"--debug"}, r.Args...)
	if got := r.Run(t); !strings.Contains(got.Stderr, "launch.Start") {
		t.Errorf("--debug doesn't say where: %v", got)
	}
}
