package plan

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Where no container sees it the first process builds, and there is a place for each mount that it is sent.
func TestRemote(t *testing.T) {
	remote := 0
	for name, edit := range cases {
		s, h, o := load(t, "testdata/"+name+"/config.json"), facts(), options()
		edit(h, o)
		if Seen(s) {
			continue
		}
		h.Alone = true
		p, err := Create(s, h, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Remote == nil {
			t.Errorf("%s: the first process doesn't build", name)
			continue
		}
		remote++
		if want := len(p.Orders.Within) + len(p.Sources); len(p.Remote.Trees) != want {
			t.Errorf("%s: %d places for %d mounts", name, len(p.Remote.Trees), want)
		}
	}
	if remote < 20 {
		t.Errorf("only %d cases", remote)
	}
}

// Who sees a first process must find none of the mounts in it.
func TestSeen(t *testing.T) {
	pid, user := specs.LinuxNamespace{Type: specs.PIDNamespace}, specs.LinuxNamespace{Type: specs.UserNamespace}
	joined := func(ns specs.LinuxNamespace) specs.LinuxNamespace {
		ns.Path = "/proc/1/ns/" + string(ns.Type)
		return ns
	}
	for _, tt := range []struct {
		namespaces []specs.LinuxNamespace
		want       bool
	}{
		{nil, false},
		{[]specs.LinuxNamespace{pid}, false},
		{[]specs.LinuxNamespace{pid, user}, false},
		{[]specs.LinuxNamespace{user}, false},
		{[]specs.LinuxNamespace{joined(pid)}, true},
		{[]specs.LinuxNamespace{joined(pid), user}, true},
		{[]specs.LinuxNamespace{joined(pid), joined(user)}, true},
		{[]specs.LinuxNamespace{joined(user)}, true},
		{[]specs.LinuxNamespace{joined(user), pid}, false},
		{[]specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: "/x"}, {Type: specs.MountNamespace, Path: "/y"}}, false},
	} {
		if got := Seen(&specs.Spec{Linux: &specs.Linux{Namespaces: tt.namespaces}}); got != tt.want {
			t.Errorf("Seen(%v) = %v", tt.namespaces, got)
		}
	}
	if Seen(&specs.Spec{}) {
		t.Error("seen without linux")
	}
}
