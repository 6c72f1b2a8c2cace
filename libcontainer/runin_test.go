package libcontainer

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Who runs beside a container is a user whom its user namespace has, if it shares that.
func TestSpecInUser(t *testing.T) {
	ids := []specs.LinuxIDMapping{{HostID: 100000, Size: 10}}
	of := &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.UserNamespace}}, UIDMappings: ids, GIDMappings: ids}}
	for _, c := range []struct {
		uid, gid uint32
		chosen   []specs.LinuxNamespaceType
		want     string
	}{
		{9, 9, nil, ""},
		{10, 0, nil, "uid 10 is not mapped in the container's user namespace"},
		{0, 10, []specs.LinuxNamespaceType{specs.UserNamespace}, "gid 10 is not mapped in the container's user namespace"},
		{70000, 70000, []specs.LinuxNamespaceType{specs.NetworkNamespace}, ""},
	} {
		got := ""
		if _, err := specIn(of, 1, &RunInOptions{UID: c.uid, GID: c.gid, Namespaces: c.chosen}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
