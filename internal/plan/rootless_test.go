package plan

import (
	"errors"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/spec"
)

// Who writes which map follows from the caller's ids and capabilities alone.
func TestMapsDecided(t *testing.T) {
	type maps = []specs.LinuxIDMapping
	own, other, many := maps{{HostID: 1000, Size: 1}}, maps{{HostID: 1001, Size: 1}}, maps{{HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65535}}
	const both = caps.Set(1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID)
	for name, c := range map[string]struct {
		have     caps.Set
		uid, gid maps
		// newuidmap, newgidmap, setgroups denied
		want [3]bool
	}{
		"own":              {0, own, own, [3]bool{false, false, true}},
		"another":          {0, other, other, [3]bool{true, true, false}},
		"two of his":       {0, maps{{HostID: 1000, Size: 2}}, own, [3]bool{true, false, true}},
		"many":             {0, many, many, [3]bool{true, true, false}},
		"many uids":        {0, many, own, [3]bool{true, false, true}},
		"many gids":        {0, own, many, [3]bool{false, true, false}},
		"root":             {^caps.Set(0), many, many, [3]bool{}},
		"both rights":      {both, other, own, [3]bool{}},
		"right to uids":    {1 << unix.CAP_SETUID, many, own, [3]bool{false, false, true}},
		"rights elsewhere": {^both, many, many, [3]bool{true, true, false}},
	} {
		s, h, o := load(t, "testdata/rootless-many/config.json"), facts(), options()
		ordinary(h, 1000)
		h.Permitted, s.Linux.UIDMappings, s.Linux.GIDMappings = c.have, c.uid, c.gid
		p, err := Create(s, h, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{p.Orders.UIDHelper, p.Orders.GIDHelper, p.Orders.DenyGroups}; got != c.want {
			t.Errorf("%s: newuidmap, newgidmap, setgroups denied = %v, want %v", name, got, c.want)
		}
		s.Process.User.AdditionalGids = []uint32{0}
		_, err = Create(s, h, o)
		if field, ok := errors.AsType[*spec.FieldError](err); ok != c.want[2] || ok && field.Path != "process.user.additionalGids" {
			t.Errorf("%s: with additional groups: %v, want an error: %v", name, err, c.want[2])
		}
	}
}

// It is set while the first process can be looked at where the runtime can't.
func TestOOMScoreDecided(t *testing.T) {
	score := -5
	for _, ordinaryUser := range []bool{false, true} {
		s, h, o := load(t, "testdata/rootless-many/config.json"), facts(), options()
		if ordinaryUser {
			ordinary(h, 1000)
		}
		s.Process.OOMScoreAdj = &score
		p, err := Create(s, h, o)
		if err != nil {
			t.Fatal(err)
		}
		if (p.Orders.OOMScore == "-5") != ordinaryUser || (p.OOMScoreAdj == nil) != ordinaryUser {
			t.Errorf("ordinary user %v: before it is undumpable %q, later %v", ordinaryUser, p.Orders.OOMScore, p.OOMScoreAdj)
		}
	}
}
