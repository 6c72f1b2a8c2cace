package rootless

import (
	"encoding/json"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A finding is a check of rung doctor's.
type finding struct{ Name, Status, Need, Found string }

// examine calls the doctor, and returns what is required and missing.
func examine(t *testing.T, b *harness.Bundle, args ...string) (r *harness.Result, all map[string]finding, missing []string) {
	t.Helper()
	r = b.Run(t, append([]string{"doctor", "--format", "json"}, args...)...)
	var d struct{ Checks []finding }
	if err := json.Unmarshal([]byte(r.Stdout), &d); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	all = map[string]finding{}
	for _, f := range d.Checks {
		all[f.Name] = f
		if f.Status == "missing" && f.Need == "required" {
			missing = append(missing, f.Name)
		}
	}
	return r, all, missing
}

// For an ordinary user, too, something is missing if, and only if, the bundle doesn't run.
func TestDoctorForetells(t *testing.T) {
	memory := func(s *specs.Spec) {
		limit := int64(64 << 20)
		s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}
	}
	for name, edit := range map[string]harness.Edit{
		"one id":             mapping(ranges["one id"]...),
		"many ids":           mapping(ranges["65536 with his"]...),
		"others' ids":        mapping(ranges["65536 without his"]...),
		"a foreign id":       mapping(specs.LinuxIDMapping{HostID: uid + 1, Size: 1}),
		"more than promised": mapping(specs.LinuxIDMapping{HostID: firstID, Size: ids + 1}),
		"memory":             memory,
		"a place of root's":  func(s *specs.Spec) { s.Linux.CgroupsPath = "/rungt-doctor" },
		"no user namespace": func(s *specs.Spec) {
			namespace(specs.UserNamespace, "-")(s)
			s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		},
		"time": func(s *specs.Spec) {
			namespace(specs.TimeNamespace, "")(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 100}}
		},
		"the host's network": namespace(specs.NetworkNamespace, "/proc/1/ns/net"),
		"our own network":    namespace(specs.NetworkNamespace, "/proc/self/ns/net"),
		"a device that's not": func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "c", Major: 240, Minor: 7}}
		},
		"a pipe": func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "p"}} },
		"a device": func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/urandom", Type: "c", Major: 1, Minor: 9}}
		},
		"an OOM score": func(s *specs.Spec) { s.Process.OOMScoreAdj = new(-500) },
		"a scheduler": func(s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedRR, Priority: 1}
		},
		"a batch": func(s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch}
		},
		"clocks that run ahead": func(s *specs.Spec) {
			namespace(specs.TimeNamespace, "")(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: -1 << 40}}
		},
		"a higher limit": func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1 << 30, Hard: 1 << 30}}
		},
		"a disk":     harness.AddMount(specs.Mount{Destination: "/v", Type: "ext4", Source: "/dev/vda"}),
		"no size":    harness.AddMount(specs.Mount{Destination: "/v", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=abc"}}),
		"layers":     harness.AddMount(specs.Mount{Destination: "/v", Type: "overlay", Source: "overlay", Options: []string{"lowerdir=/etc:/usr"}}),
		"no layers":  harness.AddMount(specs.Mount{Destination: "/v", Type: "overlay", Source: "overlay"}),
		"a domain":   func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.domainname": "example.org"} },
		"no program": harness.Args("/none"),
		"the host's queues": func(s *specs.Spec) {
			namespace(specs.IPCNamespace, "-")(s)
			harness.AddMount(specs.Mount{Destination: "/v", Type: "mqueue", Source: "mqueue"})(s)
		},
		"the host's processes": namespace(specs.PIDNamespace, "-"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, edit)
			r, all, missing := examine(t, b, b.Dir)
			run := b.Container(t, "run")
			if name == "one id" && all["id.maps"].Status != "ok" {
				t.Errorf("the bundle has what it asks for: %+v", all["id.maps"])
			}
			if (run.Code != 0) != (len(missing) > 0) || (r.Code == 2) != (len(missing) > 0) {
				t.Errorf("the doctor misses %q, exit code %d; and then %v", missing, r.Code, run)
			}
		})
	}
}

// Of cgroups that root has delegated it knows which are his.
func TestDoctorForetellsDelegated(t *testing.T) {
	memory := func(s *specs.Spec) {
		limit := int64(64 << 20)
		s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}
	}
	plain := func(*specs.Spec) {}
	for name, c := range map[string]struct {
		controllers []string // delegated; nil: all
		edit        harness.Edit
		path        string // in the delegated cgroup
	}{
		"all":              {nil, plain, ""},
		"all, limited":     {nil, limited, ""},
		"all, memory":      {nil, memory, ""},
		"all, by path":     {nil, limited, "/c"},
		"pids":             {[]string{"pids"}, plain, ""},
		"pids, limited":    {[]string{"pids"}, limited, ""},
		"pids, memory":     {[]string{"pids"}, memory, ""},
		"unified":          {[]string{"unified"}, plain, ""},
		"unified, limited": {[]string{"unified"}, limited, ""},
	} {
		t.Run(name, func(t *testing.T) {
			top, begin := delegated(t, c.controllers...)
			b := newBundle(t, c.edit, func(s *specs.Spec) {
				if c.path != "" {
					s.Linux.CgroupsPath = "/" + top + c.path
				}
			})
			b.Via = append(begin, asUser()...)
			r, _, missing := examine(t, b, b.Dir)
			run := b.Container(t, "run")
			if (run.Code != 0) != (len(missing) > 0) || (r.Code == 2) != (len(missing) > 0) {
				t.Errorf("the doctor misses %q, exit code %d; and then %v", missing, r.Code, run)
			}
		})
	}
}

// In general, the doctor says what an ordinary user has.
func TestDoctor(t *testing.T) {
	r, all, missing := examine(t, newBundle(t))
	if len(missing) > 0 || r.Code != 1 || r.Stderr != "" { // cgroups aren't his
		t.Errorf("missing %q: %v", missing, r)
	}
	for _, want := range []finding{
		{"caller.rights", "ok", "required", "an ordinary user, uid 100042"},
		{"id.maps", "ok", "usual", "65537 ids can be mapped"},
		{"id.subuid", "ok", "usual", "65536 ids from 200000"},
		{"namespace.time", "ok", "usual", ""},
		{"filesystem.proc", "ok", "required", ""},
	} {
		if got := all[want.Name]; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if got := all["namespace.user"]; got.Status != "ok" || got.Need != "required" {
		t.Errorf("%+v", got)
	}
}

// Where distributions and administrators keep user namespaces from users, or newuidmap is missing, that is what is found.
func TestDoctorWithout(t *testing.T) {
	harness.Share(t)
	b := newBundle(t)
	b.Via = append([]string{"unshare", "-m", "--propagation", "private"}, via("mount --bind /dev/null /usr/bin/newuidmap && ", asUser()...)...)
	if _, all, _ := examine(t, b); all["id.maps"].Status != "missing" {
		t.Errorf("without newuidmap: %+v", all["id.maps"])
	}
	// The limit is one of a user namespace around: the host's stays as it is.
	b.Via = append([]string{"unshare", "-U", "--map-root-user"}, via("echo 0 >/proc/sys/user/max_user_namespaces && ")...)
	r, all, _ := examine(t, b)
	if got := all["namespace.user"]; got.Status != "missing" || got.Found != "clone3: no space left on device" {
		t.Errorf("%+v: %v", got, r)
	}
}
