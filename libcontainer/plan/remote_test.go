package plan

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Who sees a first process must find none of the mounts in it: it makes the calls of the steps itself
// only where its pid namespace is new.
func TestRemoteUnseen(t *testing.T) {
	remote := 0
	for name, edit := range cases {
		s, h, o := load(t, "testdata/"+name+"/config.json"), facts(), options()
		edit(h, o)
		if h.NoInspector || Housed(s) {
			continue
		}
		h.Alone = true
		p, err := Create(s, h, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Remote == nil {
			continue
		}
		remote++
		if ns := sortNamespaces(s, h); !ns.isNew(specs.PIDNamespace) || !ns.isNew(specs.MountNamespace) {
			t.Errorf("%s: others see the first process", name)
		}
		if len(p.Remote.Trees) != len(p.Orders.Within) {
			t.Errorf("%s: %d places for %d mounts", name, len(p.Remote.Trees), len(p.Orders.Within))
		}
	}
	if remote < 3 {
		t.Errorf("only %d cases", remote)
	}
}
