package spec

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestNetDevices(t *testing.T) {
	devices := func(names ...string) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Linux.NetDevices = map[string]specs.LinuxNetDevice{}
			for i := 0; i < len(names); i += 2 {
				s.Linux.NetDevices[names[i]] = specs.LinuxNetDevice{Name: names[i+1]}
			}
		}
	}
	for _, c := range []struct {
		edit func(*specs.Spec)
		want string
	}{
		{devices("eth0", ""), ""},
		{devices("eth0", "eth1", "eth1", "eth0"), ""},
		{devices("a", "eth%d", "b", "eth%d"), ""},
		{devices("a123456789012345", ""), `linux.netDevices["a123456789012345"]: invalid name of a network device`},
		{devices("", ""), `linux.netDevices[""]: invalid name of a network device`},
		{devices("a/b", ""), `linux.netDevices["a/b"]: invalid name of a network device`},
		{devices("a:1", ""), `linux.netDevices["a:1"]: invalid name of a network device`},
		{devices("a b", ""), `linux.netDevices["a b"]: invalid name of a network device`},
		{devices("..", ""), `linux.netDevices[".."]: invalid name of a network device`},
		{devices("a", "x\n"), `linux.netDevices["a"].name: invalid name of a network device "x\n"`},
		{devices("a", "%d%d"), `linux.netDevices["a"].name: invalid name of a network device "%d%d"`},
		{devices("a", "%s"), `linux.netDevices["a"].name: invalid name of a network device "%s"`},
		{devices("a", "eth0", "b", "eth0"), `linux.netDevices["b"].name: "eth0" is the name of "a" already`},
		{devices("a", "b", "b", ""), `linux.netDevices["b"].name: "b" is the name of "a" already`},
		{func(s *specs.Spec) {
			devices("a", "")(s)
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
		}, `linux.netDevices: needs linux.namespaces to list "network"`},
	} {
		s := Example()
		c.edit(s)
		err := Validate(s)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	s := Example()
	devices("a", "")(s)
	if err := ValidateRootless(s, 1000); err == nil || !strings.Contains(err.Error(), "linux.netDevices: moving network devices takes root") {
		t.Errorf("rootless: %v", err)
	}
}
