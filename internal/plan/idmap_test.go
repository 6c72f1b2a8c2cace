package plan

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/step"
)

// Whose mappings a mount gets, and which field an error would name.
func TestIDMap(t *testing.T) {
	own := []specs.LinuxIDMapping{{HostID: 1000, Size: 10}, {ContainerID: 10, HostID: 5000, Size: 1}}
	const text = "0 1000 10\n10 5000 1\n"
	container := []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
	const containers = "0 100000 65536\n"
	for name, c := range map[string]struct {
		mapped       bool
		options      option.Options
		user, joined bool
		want         step.IDMap
	}{
		"nobody asks":               {},
		"nobody asks, with userns":  {user: true},
		"mappings":                  {mapped: true, want: step.IDMap{Field: "mounts[3].uidMappings", MapsField: "mounts[3]", UID: text, GID: text}},
		"mappings and idmap":        {mapped: true, options: option.Options{IDMap: true}, user: true, want: step.IDMap{Field: "mounts[3].uidMappings", MapsField: "mounts[3]", UID: text, GID: text}},
		"mappings and ridmap":       {mapped: true, options: option.Options{RIDMap: true}, want: step.IDMap{Field: "mounts[3].uidMappings", MapsField: "mounts[3]", Recursive: true, UID: text, GID: text}},
		"idmap alone":               {options: option.Options{IDMap: true}, user: true, want: step.IDMap{Field: `mounts[3].options["idmap"]`, MapsField: "linux", UID: containers, GID: containers}},
		"ridmap alone":              {options: option.Options{RIDMap: true}, user: true, want: step.IDMap{Field: `mounts[3].options["ridmap"]`, MapsField: "linux", Recursive: true, UID: containers, GID: containers}},
		"idmap, user joined":        {options: option.Options{IDMap: true}, joined: true, want: step.IDMap{Field: `mounts[3].options["idmap"]`, MapsField: "mounts[3]", Joined: 1}},
		"mappings, user joined":     {mapped: true, joined: true, want: step.IDMap{Field: "mounts[3].uidMappings", MapsField: "mounts[3]", UID: text, GID: text}},
		"ridmap, user joined":       {options: option.Options{RIDMap: true}, joined: true, want: step.IDMap{Field: `mounts[3].options["ridmap"]`, MapsField: "mounts[3]", Recursive: true, Joined: 1}},
		"idmap without a namespace": {options: option.Options{IDMap: true}, want: step.IDMap{Field: `mounts[3].options["idmap"]`, MapsField: "linux"}},
	} {
		p := &planner{spec: &specs.Spec{Linux: &specs.Linux{UIDMappings: container, GIDMappings: container}}, host: &Host{}}
		if c.user {
			p.ns.clone = unix.CLONE_NEWUSER
		}
		if c.joined {
			p.ns.joined = unix.CLONE_NEWUSER
			p.host.Joined = []Joined{{Flag: unix.CLONE_NEWNET}, {Flag: unix.CLONE_NEWUSER}}
		}
		m := &specs.Mount{}
		if c.mapped {
			m.UIDMappings, m.GIDMappings = own, own
		}
		if got := p.idMap(3, m, c.options); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
