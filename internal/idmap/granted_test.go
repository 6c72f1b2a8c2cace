package idmap

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestGranted(t *testing.T) {
	const text = "# comment\nann:100000:10\n1000:100010:10\nbob:0:4294967295\nann:x:1\nann:5:\n"
	m := func(host, size uint32) specs.LinuxIDMapping { return specs.LinuxIDMapping{HostID: host, Size: size} }
	for _, c := range []struct {
		about string
		list  []specs.LinuxIDMapping
		want  bool
	}{
		{"his own", []specs.LinuxIDMapping{m(1001, 1)}, true},
		{"his own and the next", []specs.LinuxIDMapping{m(1001, 2)}, false},
		{"root's", []specs.LinuxIDMapping{m(0, 1)}, false},
		{"a range", []specs.LinuxIDMapping{m(1001, 1), m(100000, 10)}, true},
		{"two ranges that touch", []specs.LinuxIDMapping{m(100005, 15)}, true},
		{"more than those", []specs.LinuxIDMapping{m(100005, 16)}, false},
		{"before", []specs.LinuxIDMapping{m(99999, 2)}, false},
		{"the end of all", []specs.LinuxIDMapping{m(4294967295, 4294967295)}, false},
		{"nothing", nil, true},
	} {
		if got := Granted(c.list, 1000, 1001, "ann", text); got != c.want {
			t.Errorf("%s: %v", c.about, got)
		}
	}
	if Granted([]specs.LinuxIDMapping{m(100000, 10)}, 1000, 1001, "", ":100000:10\n") {
		t.Error("who has no name isn't everybody without one")
	}
	if got := Name("root:x:0:0::/:\nann:x:1000:5::/:\n", 1000); got != "ann" {
		t.Error(got)
	}
}
