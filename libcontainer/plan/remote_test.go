package plan

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Who sees a first process must find none of the mounts in it: it makes the calls of the steps itself
// only where it isn't in the pid namespace of other containers.
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
		for _, j := range h.Joined {
			if j.Flag == unix.CLONE_NEWPID {
				t.Errorf("%s: others see the first process", name)
			}
		}
		if want := len(p.Orders.Within) + len(p.Sources); len(p.Remote.Trees) != want {
			t.Errorf("%s: %d places for %d mounts", name, len(p.Remote.Trees), want)
		}
	}
	if remote < 20 {
		t.Errorf("only %d cases", remote)
	}
}
