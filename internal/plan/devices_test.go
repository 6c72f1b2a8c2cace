package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/rootfs"
)

func TestDefaultDevicesOf(t *testing.T) {
	bind := func(at string) specs.Mount {
		return specs.Mount{Destination: at, Type: "bind", Options: []string{"bind"}}
	}
	again := specs.Mount{Destination: "/dev", Options: []string{"remount", "ro"}}
	for name, tt := range map[string]struct {
		mounts []specs.Mount
		lacks  string // names, sorted
	}{
		"none":                   {nil, ""},
		"elsewhere":              {[]specs.Mount{bind("/dev/randomly"), bind("/dev/shm"), bind("/dev/random/x")}, ""},
		"one":                    {[]specs.Mount{bind("/dev"), bind("/dev/random")}, "random"},
		"two, not clean":         {[]specs.Mount{bind("dev//tty"), bind("/x/../dev/full/")}, "full tty"},
		"with dots":              {[]specs.Mount{bind("/dev/random/."), bind("/dev/full/x/..")}, "full random"},
		"null":                   {[]specs.Mount{bind("/dev/null")}, ""},
		"covered by /dev":        {[]specs.Mount{bind("/dev/random"), bind("/dev")}, ""},
		"covered by /":           {[]specs.Mount{bind("/dev/random"), bind("/")}, ""},
		"uncovered by a remount": {[]specs.Mount{bind("/dev/random"), again}, "random"},
		"twice":                  {[]specs.Mount{bind("/dev/random"), bind("/dev"), bind("/dev/random")}, "random"},
	} {
		var lacks []string
		has := DefaultDevicesOf(&specs.Spec{Mounts: tt.mounts})
		for _, n := range DefaultDevices() {
			if !slices.ContainsFunc(has, func(h rootfs.Node) bool { return h.Path == n.Path }) {
				lacks = append(lacks, strings.TrimPrefix(n.Path, "/dev/"))
			}
		}
		slices.Sort(lacks)
		if got := strings.Join(lacks, " "); got != tt.lacks {
			t.Errorf("%s: without %q, want %q", name, got, tt.lacks)
		}
	}
}
