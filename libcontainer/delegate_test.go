package libcontainer

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestDelegatee(t *testing.T) {
	own := []specs.LinuxNamespace{{Type: specs.CgroupNamespace}}
	user := append(own, specs.LinuxNamespace{Type: specs.UserNamespace})
	mount := func(kind string, options ...string) specs.Mount {
		return specs.Mount{Destination: "/sys/fs/cgroup", Type: kind, Options: options}
	}
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 1000}, {ContainerID: 1000, HostID: 7, Size: 1}}
	for _, c := range []struct {
		name   string
		spaces []specs.LinuxNamespace
		ids    []specs.LinuxIDMapping
		mounts []specs.Mount
		uid    uint32
		want   int // -1: nobody
	}{
		{"a user", own, nil, []specs.Mount{mount("cgroup", "nosuid", "rw")}, 1000, 1000},
		{"cgroup2", own, nil, []specs.Mount{mount("cgroup2")}, 1000, 1000},
		{"mapped root", user, ids, []specs.Mount{mount("cgroup")}, 0, 100000},
		{"a mapped user", user, ids, []specs.Mount{mount("cgroup")}, 1000, 7},
		{"not mapped", user, ids, []specs.Mount{mount("cgroup")}, 5000, -1},
		{"no mount", own, nil, nil, 1000, -1},
		{"read-only", own, nil, []specs.Mount{mount("cgroup", "ro")}, 1000, -1},
		{"read-only in the end", own, nil, []specs.Mount{mount("cgroup"), mount("cgroup", "rw", "ro")}, 1000, -1},
		{"covered", own, nil, []specs.Mount{mount("cgroup"), mount("tmpfs")}, 1000, -1},
		{"the host's namespace", nil, nil, []specs.Mount{mount("cgroup")}, 1000, -1},
		{"a joined namespace", []specs.LinuxNamespace{{Type: specs.CgroupNamespace, Path: "/proc/1/ns/cgroup"}}, nil, []specs.Mount{mount("cgroup")}, 1000, -1},
	} {
		s := &specs.Spec{
			Process: &specs.Process{User: specs.User{UID: c.uid, GID: c.uid}}, Mounts: c.mounts,
			Linux: &specs.Linux{Namespaces: c.spaces, UIDMappings: c.ids, GIDMappings: c.ids},
		}
		got, gid, ok := delegatee(s)
		if !ok {
			got = -1
		}
		if got != c.want || ok && gid != c.want {
			t.Errorf("%s: %d:%d, want %d", c.name, got, gid, c.want)
		}
	}
}
