package spec

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// What `spec --rootless` writes is valid for the user who calls it.
func TestValidateRootless(t *testing.T) {
	s := Example()
	if err := ValidateRootless(s, 1000); err == nil || !strings.Contains(err.Error(), "linux.namespaces: rootless container requires user namespaces") {
		t.Errorf("the example of root: %v", err)
	}
	Rootless(s, 1000, 100)
	if err := Validate(s); err != nil {
		t.Errorf("Validate: %v", err)
	}
	if err := ValidateRootless(s, 1000); err != nil {
		t.Errorf("ValidateRootless: %v", err)
	}
}

func TestMountOwner(t *testing.T) {
	mounted := func(kind string, words ...string) func(*specs.Spec) {
		return func(s *specs.Spec) {
			userns(s, specs.LinuxIDMapping{HostID: 1000, Size: 6})
			s.Linux.GIDMappings = []specs.LinuxIDMapping{{HostID: 1000, Size: 10}}
			s.Mounts = []specs.Mount{{Destination: "/x", Type: kind, Source: kind, Options: words}}
		}
	}
	check(t, []rule{
		{"none", mounted("devpts", "mode=0620"), nil},
		{"mapped", mounted("devpts", "uid=5", "gid=9"), nil},
		{"uid", mounted("tmpfs", "uid=6"), []string{"mounts[0].options: uid 6 is not mapped in the user namespace"}},
		{"both", mounted("devpts", "gid=10", "uid=7"), []string{
			"mounts[0].options: gid 10 is not mapped in the user namespace", "mounts[0].options: uid 7 is not mapped in the user namespace",
		}},
		{"not a number", mounted("tmpfs", "gid=x"), nil}, // the kernel's to refuse
		{"another file system", mounted("fuse", "gid=10"), nil},
		{"no user namespace", func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/x", Type: "tmpfs", Source: "t", Options: []string{"gid=10"}}}
		}, nil},
		{"joined", func(s *specs.Spec) {
			mounted("tmpfs", "gid=10")(s)
			joined(s, specs.UserNamespace)
		}, nil},
	})
}
