package security

import (
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A bind mount's source lies in the image, and the image has links there that lead to the host: in the
// root they lead to the container's own, or nowhere.
func TestSourceLinks(t *testing.T) {
	harness.NeedRung(t, "runc follows a source's links on the host")
	harness.Once(t)
	d := newDecoy(t)
	for name, c := range map[string]struct{ link, source string }{
		"absolute":        {d.dir, "lnk"},
		"below":           {d.dir, "lnk/f"},
		"to the top":      {"/", "lnk" + d.dir},
		"relative":        {"../../../../../../../.." + d.dir, "lnk"},
		"by procfs":       {"/proc/self/root" + d.dir, "lnk"},
		"procfs itself":   {"", "proc/self/root" + d.dir},
		"procfs' cwd":     {"", "proc/self/cwd"},
		"a descriptor":    {"/proc/self/fd/3", "lnk"},
		"first process's": {"", "proc/1/root" + d.dir},
	} {
		for _, where := range []harness.Edit{func(*specs.Spec) {}, harness.MappedRoot} {
			t.Run(name, func(t *testing.T) {
				b := harness.New(t, harness.Probe("list:/v", "read:/v", "create:/v/x", "write:/v/null"), where)
				if c.link != "" {
					symlink(t, b, c.link, "lnk")
				}
				b.Spec.Mounts = append(b.Spec.Mounts, specs.Mount{Destination: "/v", Type: "bind", Source: b.Rootfs + "/" + c.source, Options: []string{"rbind", "rw"}})
				b.Save(t)
				b.Chown(t)
				if r := b.Container(t, "run"); r.Code == 0 {
					t.Errorf("it runs: %v", r)
				} else if r.Stderr == "" {
					t.Errorf("no error: %v", r)
				}
				d.check(t)
			})
		}
	}
	// The same names inside.
	b := harness.New(t, harness.Probe("list:/v"))
	symlink(t, b, d.dir, "lnk")
	if err := os.MkdirAll(b.Rootfs+d.dir+"/own", 0o755); err != nil {
		t.Fatal(err)
	}
	b.Spec.Mounts = append(b.Spec.Mounts, specs.Mount{Destination: "/v", Type: "bind", Source: b.Rootfs + "/lnk", Options: []string{"rbind"}})
	b.Save(t)
	if got := b.Report(t).Tries["list:/v"]; got != "ok own" {
		t.Errorf("/v has %s, want the container's own", got)
	}
}
