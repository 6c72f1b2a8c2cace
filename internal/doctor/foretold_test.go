package doctor

import (
	"errors"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
)

// The last mount that a path is below counts, unless one is in its place.
func TestOn(t *testing.T) {
	by := []specs.Mount{
		{Destination: "/sys", Type: "sysfs"},
		{Destination: "/sys/fs/cgroup/", Type: "cgroup"},
		{Destination: "/dev", Type: "tmpfs"},
		{Destination: "/dev/pts", Type: "devpts"},
		{Destination: "/proc", Type: "proc"},
		{Destination: "/proc/b", Type: "none", Options: []string{"rbind"}},
	}
	for at, want := range map[string][2]string{
		"/sys/x": {"sysfs", "/sys"}, "/sys/fs": {}, "/sys/fs/cgroup/x": {"cgroup", "/sys/fs/cgroup"}, "/dev/x": {"tmpfs", "/dev"},
		"/dev/pts": {}, "/dev/pts/9": {"devpts", "/dev/pts"}, "/proc/b/x": {"", "/proc/b"}, "/system": {}, "/": {},
	} {
		if kind, mount := on(at, by); kind != want[0] || mount != want[1] {
			t.Errorf("%s: %q, %q", at, kind, mount)
		}
	}
}

func TestNowhere(t *testing.T) {
	w := &wants{spec: &specs.Spec{Linux: &specs.Linux{Devices: []specs.LinuxDevice{{Path: "/dev/a"}}}, Mounts: []specs.Mount{
		{Destination: "/dev", Type: "tmpfs"}, {Destination: "/dev/pts", Type: "devpts"}, {Destination: "/dev/mqueue", Type: "mqueue"}, {Destination: "/proc", Type: "proc"},
	}}}
	full := caps.Set(^uint64(0))
	maker, binder := &ground{user: -1, caller: &caller{}}, &ground{user: 3, caller: &caller{}}
	maker.host.Permitted, binder.host.Permitted = full, full
	for at, want := range map[string][2]bool{ // fails for who makes nodes, and for who binds
		"/dev/x": {}, "/dev/null": {}, "/dev/null/x": {true, true}, "/dev/a/x": {true, true}, "/dev/ab": {}, "/dev/pts/9": {true, true}, "/dev/pts/ptmx": {},
		"/dev/mqueue/x": {true, false}, "/proc/none": {true, true}, "/proc/kmsg": {true, false}, "/proc/1/x": {true, false},
	} {
		for i, g := range []*ground{maker, binder} {
			if got := w.nowhere(g, &specs.LinuxDevice{Path: at}); (got.err != nil) != want[i] {
				t.Errorf("%s, %d: %v", at, i, got)
			}
		}
	}
}

// A program that the container goes without is no reason for it to fail.
func TestLastHook(t *testing.T) {
	w := &wants{fields: map[string]string{}}
	w.names(&specs.Spec{Hooks: &specs.Hooks{
		CreateRuntime: []specs.Hook{{Path: "/etc"}, {Path: "/bin/sh"}}, Poststop: []specs.Hook{{Path: "/none"}, {Path: "/etc"}},
	}})
	n := lookAtNames(&caller{}, w)
	got := map[string]Status{}
	for _, c := range n.judge(w) {
		got[c.Name] = c.Status
	}
	if got["file./etc"] != Missing || got["file./bin/sh"] != OK || got["file./none"] != Degraded {
		t.Error(got)
	}
}

// What is of no use to look at isn't looked at.
func TestArguments(t *testing.T) {
	long := string(make([]byte, maxString))
	many := make([]string, 100)
	for i := range many {
		many[i] = long[:3000]
	}
	small := []specs.POSIXRlimit{{Type: "RLIMIT_STACK", Soft: 512 << 10}}
	wide := []specs.POSIXRlimit{{Type: "RLIMIT_STACK", Soft: 8 << 20}}
	for i, c := range []struct {
		p    specs.Process
		want error
	}{
		{specs.Process{Args: []string{"a"}}, nil},
		{specs.Process{Args: []string{long}}, unix.E2BIG},
		{specs.Process{Args: []string{long[1:]}, Rlimits: wide}, nil},
		{specs.Process{Args: many, Rlimits: wide}, nil},
		{specs.Process{Env: many, Rlimits: small}, unix.E2BIG},
	} {
		w := &wants{fields: map[string]string{}}
		w.arguments(&c.p)
		var got error
		for _, a := range w.attempts {
			got = a.do(nil).err
		}
		if !errors.Is(got, c.want) {
			t.Errorf("%d: %v", i, got)
		}
	}
}
