package preset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/audit"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/seccomp"
)

func TestMain(m *testing.M) { testbed.Main(m) }

var caller = Caller{UID: 1000, GID: 100}

func text(t *testing.T, s *specs.Spec) string {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Every preset, and every two, make a valid configuration, whatever their order; or they contradict
// each other, and the error names both.
func TestAll(t *testing.T) {
	contradictions := 0
	for _, a := range Names() {
		for _, b := range Names() {
			for _, unified := range []bool{true, false} {
				c := Caller{UID: 1000, GID: 100, Unified: unified}
				s, err := Spec([]string{a, b}, &c)
				if err != nil {
					contradictions++
					if !strings.Contains(err.Error(), " "+a+" ") || !strings.Contains(err.Error(), " "+b+" ") {
						t.Errorf("%s,%s: error doesn't name both: %v", a, b, err)
					}
					continue
				}
				if other, err := Spec([]string{b, a}, &c); err != nil || text(t, other) != text(t, s) {
					t.Errorf("%s,%s: another order is another configuration, %v", a, b, err)
				}
				for _, f := range audit.Config([]byte(text(t, s))) {
					if f.Severity == audit.Error || f.Severity == audit.Ignored {
						t.Errorf("%s,%s: %+v", a, b, f)
					}
				}
			}
		}
	}
	if contradictions != 4*7 {
		t.Errorf("%d contradictions", contradictions)
	}
}

func TestNone(t *testing.T) {
	s, err := Spec(nil, &Caller{Unified: true})
	if err != nil || text(t, s) != text(t, spec.Example()) {
		t.Errorf("without presets: %v, %v", s, err)
	}
}

func TestErrors(t *testing.T) {
	for list, want := range map[string]string{
		"readonly,writable":                         "presets readonly and writable contradict each other: the root filesystem is the one or the other",
		"kubernetes-restricted,userns,host-network": "presets host-network and kubernetes-restricted contradict each other: it has no namespaces of the host's",
		"host-netwrok":                              `unknown preset "host-netwrok"; did you mean host-network?; it can be rootless, `,
		"systemd,":                                  "name of a preset is empty",
	} {
		if _, err := Spec(strings.Split(list, ","), &caller); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", list, err, want)
		}
	}
}

func TestChanges(t *testing.T) {
	for list, want := range map[string]func(*specs.Spec) bool{
		"systemd": func(s *specs.Spec) bool {
			return s.Process.Args[0] == "/sbin/init" && has(s, specs.CgroupNamespace) && !s.Root.Readonly && s.Annotations[StopSignal] == "SIGRTMIN+3"
		},
		"systemd,readonly":     func(s *specs.Spec) bool { return s.Root.Readonly },
		"rootless":             func(s *specs.Spec) bool { return has(s, specs.UserNamespace) && !has(s, specs.NetworkNamespace) },
		"rootless,no-network":  func(s *specs.Spec) bool { return has(s, specs.NetworkNamespace) && sys(s).Type == "sysfs" },
		"host-network":         func(s *specs.Spec) bool { return !has(s, specs.NetworkNamespace) && sys(s).Type == "sysfs" },
		"host-network,userns":  func(s *specs.Spec) bool { return sys(s).Source == "/sys" && s.Linux.UIDMappings[0].HostID == firstID },
		"engine-caps":          func(s *specs.Spec) bool { return len(s.Process.Capabilities.Effective) == len(engineCapabilities) },
		"seccomp":              func(s *specs.Spec) bool { return s.Linux.Seccomp != nil },
		"no-terminal,writable": func(s *specs.Spec) bool { return !s.Process.Terminal && !s.Root.Readonly },
		"kubernetes-restricted": func(s *specs.Spec) bool {
			c := s.Process.Capabilities
			return s.Process.User.UID != 0 && len(c.Bounding)+len(c.Effective)+len(c.Permitted) == 0 && s.Process.NoNewPrivileges && s.Linux.Seccomp != nil
		},
	} {
		s, err := Spec(strings.Split(list, ","), &caller)
		if err != nil || !want(s) {
			t.Errorf("%s: %v, %s", list, err, text(t, s))
		}
	}
}

func sys(s *specs.Spec) specs.Mount {
	return s.Mounts[slices.IndexFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/sys" })]
}

func TestCheck(t *testing.T) {
	names := []string{"kubernetes-restricted"}
	s, err := Spec(names, &caller)
	if err == nil {
		err = Check(s, names)
	}
	if err != nil {
		t.Error(err)
	}
	s.Process.User.UID = 0
	if err := Check(s, names); fmt.Sprint(err) != "preset kubernetes-restricted: user of the image is root" {
		t.Error(err)
	}
}

// The names of the profile's calls are known, on every architecture.
func TestProfile(t *testing.T) {
	p := profile()
	if names := seccomp.Unknown(p); len(names) > 0 {
		t.Errorf("unknown: %q", names)
	}
	for _, native := range []specs.Arch{specs.ArchX86_64, specs.ArchAARCH64, specs.ArchS390X, specs.ArchRISCV64} {
		p.Architectures = architectures(native)
		if list := seccomp.Check(p, native); len(list) > 0 {
			t.Errorf("%s: %v", native, list)
		}
	}
}
