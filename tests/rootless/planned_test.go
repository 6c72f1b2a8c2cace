package rootless

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A plan says who could carry it out: an ordinary user only with ids that he may map.
func TestPlanSaysWho(t *testing.T) {
	for name, c := range map[string]struct {
		edit []specs.LinuxIDMapping
		who  string
	}{
		"his own":            {ranges["one id"], "made by uid "},
		"many":               {ranges["65536 with his"], "made by uid "},
		"root's":             {[]specs.LinuxIDMapping{{Size: 1}}, "made by root: the caller may not"},
		"others'":            {[]specs.LinuxIDMapping{{HostID: uid + 1, Size: 1}}, "made by root: the caller may not"},
		"more than promised": {[]specs.LinuxIDMapping{{HostID: firstID, Size: ids + 1}}, "made by root: the caller may not"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, mapping(c.edit...))
			r := b.Run(t, "plan", b.Dir)
			run := b.Container(t, "run")
			if mayRun := strings.HasPrefix(c.who, "made by uid"); r.Code != 0 || !strings.Contains(r.Stdout, "\n  "+c.who) || mayRun != (run.Code == 0) {
				t.Errorf("want %q: %v; and then %v", c.who, r, run)
			}
		})
	}
}
