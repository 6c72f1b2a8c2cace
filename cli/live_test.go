package cli

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/libcontainer"
)

// TestListSchemas holds what lists print against docs/schema.
func TestListSchemas(t *testing.T) {
	for name, list := range map[string]func() any{
		"mounts.json": func() any {
			out, _ := listedMounts([]libcontainer.LiveMount{
				{LiveMount: state.LiveMount{Destination: "/a", Source: "/b", Options: []string{"ro"}}, Present: true},
				{LiveMount: state.LiveMount{Destination: "/t", Type: "tmpfs", Source: "tmpfs"}, Unknown: true},
				{LiveMount: state.LiveMount{
					Destination: "/m", Source: "/b",
					UIDMappings: []specs.LinuxIDMapping{{HostID: 5, Size: 1}}, GIDMappings: []specs.LinuxIDMapping{{HostID: 6, Size: 1}},
				}},
			})
			return out
		},
		"devices.json": func() any {
			out, _ := listedDevices([]libcontainer.LiveDevice{
				{LiveDevice: state.LiveDevice{Path: "/dev/x", Type: "c", Major: 1, Minor: 3, Access: "rwm", ID: 1 << 40}, Present: true},
				{LiveDevice: state.LiveDevice{Path: "/dev/y", Type: "b", Access: "r"}, Unknown: true},
			})
			return out
		},
		"wait.json": func() any { return []ended{{"a", 0}, {"b", 137}} },
	} {
		text, err := indented(list())
		if err != nil {
			t.Fatal(err)
		}
		checkSchema(t, name, string(text))
	}
}
