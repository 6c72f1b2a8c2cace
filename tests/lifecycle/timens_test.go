package lifecycle

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// Hooks that run in the container, and processes that come into one that is only created, have
// the time namespace of its program: also where the first process is in another until it runs that,
// because a new user namespace owns it.
func TestTimeNamespaceOfOthers(t *testing.T) {
	harness.NeedRung(t, "time namespaces")
	pause := harness.New(t, harness.Args("/bin/sleep", "1000"), addNS(specs.TimeNamespace, ""))
	pid, _ := pause.Create(t)
	pause.Must(t, "start")
	const look = "readlink /proc/self/ns/time"
	for name, edit := range map[string]harness.Edit{
		"new":                    addNS(specs.TimeNamespace, ""),
		"joined":                 addNS(specs.TimeNamespace, "/proc/"+strconv.Itoa(pid)+"/ns/time"),
		"user namespace":         func(s *specs.Spec) { mapped(s); addNS(specs.TimeNamespace, "")(s) },
		"user namespace, joined": func(s *specs.Spec) { mapped(s); addNS(specs.TimeNamespace, "/proc/"+strconv.Itoa(pid)+"/ns/time")(s) },
		"joined pid namespace": func(s *specs.Spec) {
			addNS(specs.TimeNamespace, "")(s)
			addNS(specs.PIDNamespace, "/proc/"+strconv.Itoa(pid)+"/ns/pid")(s)
		},
		"joined both": func(s *specs.Spec) {
			addNS(specs.TimeNamespace, "/proc/"+strconv.Itoa(pid)+"/ns/time")(s)
			addNS(specs.PIDNamespace, "/proc/"+strconv.Itoa(pid)+"/ns/pid")(s)
		},
		"user namespace, joined pid namespace": func(s *specs.Spec) {
			mapped(s)
			for i := range s.Mounts {
				if s.Mounts[i].Type == "proc" { // which there can't be a new one of
					s.Mounts[i] = specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc", Options: []string{"rbind"}}
				}
			}
			s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
			addNS(specs.TimeNamespace, "")(s)
			addNS(specs.PIDNamespace, "/proc/"+strconv.Itoa(pid)+"/ns/pid")(s)
		},
		"offsets": func(s *specs.Spec) {
			mapped(s)
			addNS(specs.TimeNamespace, "")(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 1000}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			dir := harness.TempDir(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			b := harness.New(t, harness.Args("/bin/sleep", "1000"), edit, func(s *specs.Spec) {
				hook := func(file string) []specs.Hook {
					return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", look + " >" + file}, Env: []string{"PATH=/bin:/usr/bin"}}}
				}
				s.Hooks = &specs.Hooks{CreateContainer: hook(dir + "/createContainer"), StartContainer: hook("/hooks/startContainer")}
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/hooks", Type: "bind", Source: dir, Options: []string{"bind"}})
			})
			chownAll(t, b)
			pid, _ := b.Create(t)
			exec := func() string { return strings.TrimSpace(execIn(t, b, nil, "/bin/sh", "-c", look).Stdout) }
			created := exec()
			b.Must(t, "start")
			want := ns(t, pid, "time")
			if want == ns(t, "self", "time") {
				t.Fatal("the program is in the host's time namespace")
			}
			for _, hook := range []string{"createContainer", "startContainer"} {
				if got, err := os.ReadFile(dir + "/" + hook); strings.TrimSpace(string(got)) != want || err != nil {
					t.Errorf("%s hook is in %q, %v; want %s", hook, got, err, want)
				}
			}
			if running := exec(); created != want || running != want {
				t.Errorf("an exec is in %s before start and in %s afterwards, want %s", created, running, want)
			}
			b.End(t, pid)
		})
	}
	pause.End(t, pid)
}
