package spec

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestIntelRdt(t *testing.T) {
	for _, c := range []struct {
		r    specs.LinuxIntelRdt
		want string
	}{
		{specs.LinuxIntelRdt{}, ""},
		{specs.LinuxIntelRdt{ClosID: "/"}, ""},
		{specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=f\nMB:0=20", MemBwSchema: "MB:0=20", Schemata: []string{"L2:0=f", "MB:0=20"}, EnableMonitoring: true}, ""},
		{specs.LinuxIntelRdt{ClosID: ".."}, `linux.intelRdt.closID: invalid name of a class of service ".."`},
		{specs.LinuxIntelRdt{ClosID: "a/b"}, `linux.intelRdt.closID: invalid name`},
		{specs.LinuxIntelRdt{ClosID: "a\nb"}, `linux.intelRdt.closID: invalid name`},
		{specs.LinuxIntelRdt{MemBwSchema: "L3:0=f"}, `linux.intelRdt.memBwSchema: must begin with MB:`},
		{specs.LinuxIntelRdt{MemBwSchema: "MB:0=20\nL3:0=f"}, `linux.intelRdt.memBwSchema: must not contain a newline`},
		{specs.LinuxIntelRdt{Schemata: []string{"L3:0=f", "L3:0=f\nMB:0=20"}}, `linux.intelRdt.schemata[1]: must be one line`},
		{specs.LinuxIntelRdt{Schemata: []string{""}}, `linux.intelRdt.schemata[0]: must be one line`},
	} {
		s := Example()
		s.Linux.IntelRdt = &c.r
		err := Validate(s)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want %q", c.r, err, c.want)
		}
	}
}
