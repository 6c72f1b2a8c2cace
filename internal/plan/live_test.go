package plan

import (
	"errors"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

// A device's owner has to be one whom the container knows: of another the file would be nobody's there.
func TestLiveDeviceOwner(t *testing.T) {
	maps := []specs.LinuxIDMapping{{HostID: 100000, Size: 10}, {ContainerID: 50, HostID: 200000, Size: 1}}
	for _, c := range []struct {
		kind     specs.LinuxNamespaceType
		path     string
		uid, gid uint32
		want     string
	}{
		{specs.UserNamespace, "", 9, 50, ""},
		{specs.UserNamespace, "", 10, 0, "uid 10 is not mapped in the user namespace"},
		{specs.UserNamespace, "", 0, 51, "gid 51 is not mapped in the user namespace"},
		{specs.UserNamespace, "", 4294967294, 0, "uid 4294967294 is not mapped in the user namespace"},
		{specs.UserNamespace, "/proc/self/ns/user", 99999, 99999, ""},
		{specs.UTSNamespace, "", 99999, 99999, ""},
	} {
		s := &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: c.kind, Path: c.path}}, UIDMappings: maps, GIDMappings: maps}}
		d := &specs.LinuxDevice{Path: "/dev/x", Type: "c", Major: 1, Minor: 3, UID: &c.uid, GID: &c.gid}
		got := ""
		if _, _, err := LiveDevice(s, &Host{Layout: &cgroups.Layout{}}, &Options{}, d); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// Nothing is made at a path of a mount namespace that isn't the container's: it may be the host's.
func TestLiveShared(t *testing.T) {
	for _, mnt := range [][]specs.LinuxNamespace{nil, {{Type: specs.MountNamespace, Path: "/proc/7/ns/mnt"}}} {
		s := &specs.Spec{Linux: &specs.Linux{Namespaces: mnt}, Mounts: []specs.Mount{{Destination: "/x", Type: "tmpfs", Source: "x"}}}
		h := &Host{Layout: &cgroups.Layout{}}
		for _, n := range mnt {
			h.Joined = append(h.Joined, Joined{Flag: Flag(n.Type)})
		}
		if _, _, err := LiveDevice(s, h, &Options{}, &specs.LinuxDevice{Path: "/dev/x", Type: "c", Major: 1, Minor: 3}); !errors.Is(err, errShared) {
			t.Errorf("LiveDevice(%v) = %v", mnt, err)
		}
		if _, err := LiveMount(s, h, &Options{}); !errors.Is(err, errShared) {
			t.Errorf("LiveMount(%v) = %v", mnt, err)
		}
	}
}
