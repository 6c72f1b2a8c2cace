package lifecycle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// holder is a container whose namespaces others join.
func holder(t *testing.T, edits ...harness.Edit) (ns func(kind string) string) {
	t.Helper()
	b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600")}, edits...)...)
	b.Chown(t)
	pid, _ := b.Create(t)
	b.Must(t, "start")
	t.Cleanup(func() {
		b.End(t, pid)
	})
	return func(kind string) string { return fmt.Sprintf("/proc/%d/ns/%s", pid, kind) }
}

// A container in another's pid namespace is like any other: it has its own namespaces else, one process, a limit, a
// terminal, procfs of the pid namespace with the options that it asks for, and exec.
func TestJoinedPID(t *testing.T) {
	for name, c := range map[string]struct {
		a, b []harness.Edit
		join []string
	}{
		"host root":      {nil, nil, []string{"pid"}},
		"user namespace": {nil, []harness.Edit{harness.MappedRoot, harness.DropMount("/proc")}, []string{"pid"}},
		"joined user":    {[]harness.Edit{harness.MappedRoot}, nil, []string{"pid", "user"}},
		"all joined":     {nil, nil, []string{"pid", "net", "ipc", "uts", "cgroup"}},
	} {
		t.Run(name, func(t *testing.T) {
			ns := holder(t, c.a...)
			edits := append([]harness.Edit{harness.Args("/bin/sleep", "600")}, c.b...)
			for _, kind := range c.join {
				as := specs.LinuxNamespaceType(kind)
				if kind == "net" {
					as = specs.NetworkNamespace
				}
				edits = append(edits, harness.JoinNS(as, ns(kind)))
			}
			b := harness.New(t, edits...)
			b.Chown(t)
			pid, _ := b.Create(t)
			b.Must(t, "start")
			for _, kind := range []string{"pid", "net", "mnt", "ipc", "uts", "cgroup", "user"} {
				own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
				other, oerr := os.Readlink(ns(kind))
				host, herr := os.Readlink("/proc/self/ns/" + kind)
				if err != nil || oerr != nil || herr != nil {
					t.Fatal(err, oerr, herr)
				}
				switch {
				case slices.Contains(c.join, kind) && own != other:
					t.Errorf("%s namespace is %s, want the other container's, %s", kind, own, other)
				case !slices.Contains(c.join, kind) && own == other && own != host:
					t.Errorf("%s namespace is the other container's, %s", kind, own)
				}
			}
			if sid, err := unix.Getsid(pid); err != nil || sid != pid {
				t.Errorf("session %d, %v, want the process's own, %d", sid, err, pid)
			}
			if r := b.Run(t, "exec", b.ID, "/bin/sh", "-c", "echo inside"); r.Code != 0 || r.Stdout != "inside\n" {
				t.Errorf("exec: %v", r)
			}
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			b.Must(t, "delete")
		})
	}
}

// Its procfs shows the processes of the pid namespace, and takes the options of the configuration.
func TestJoinedPIDProcfs(t *testing.T) {
	ns := holder(t)
	edits := []harness.Edit{
		harness.Shell(`read name x </proc/1/comm; echo $name; grep ' /proc proc' /proc/mounts; grep -c . /more/proc/mounts; cat /proc/self/cgroup >/dev/null && echo self`),
		harness.JoinNS(specs.PIDNamespace, ns("pid")),
		func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Destination == "/proc" {
					s.Mounts[i].Options = []string{"nosuid", "noexec", "nodev", "hidepid=invisible"}
				}
			}
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/more/proc", Type: "proc", Source: "other"})
		},
	}
	if !harness.IsRung() {
		edits = edits[:2]
	}
	b := harness.New(t, append(edits, func(s *specs.Spec) { s.Root.Readonly = false })...)
	r := b.Container(t, "run")
	for _, want := range []string{"sleep\n", "proc /proc proc rw,nosuid,nodev,noexec,relatime,hidepid=invisible 0 0\n", "self\n"} {
		if r.Code != 0 || !strings.Contains(r.Stdout, want) {
			t.Errorf("no %q: %v", want, r)
		}
	}
	bad := harness.New(t, harness.JoinNS(specs.PIDNamespace, ns("pid")), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/more/proc", Type: "proc", Source: "other", Options: []string{"hidepid=much"}})
	})
	bad.Container(t, "run").Fails(t, 1, "mount proc at /more/proc: option hidepid=much: invalid argument")
}

// A limit of one process is kept, also while another one builds.
func TestJoinedPIDLimitOne(t *testing.T) {
	harness.Controller(t, "pids")
	harness.NeedRung(t, "a pids.limit of 1")
	ns := holder(t)
	join := harness.JoinNS(specs.PIDNamespace, ns("pid"))
	for _, limit := range []int64{0, 1} { // which mean the same
		one := func(s *specs.Spec) { s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit} }
		b := harness.New(t, join, one)
		b.Container(t, "run").Silent(t)
		b = harness.New(t, join, one, harness.Shell("true & echo not alone"))
		if r := b.Container(t, "run"); r.Code == 0 || strings.Contains(r.Stdout, "not alone") {
			t.Errorf("want the fork to fail: %v", r)
		}
	}
}

// Hooks see a process in the container's namespaces, and a createContainer hook is in them all.
func TestJoinedPIDHooks(t *testing.T) {
	for name, edits := range map[string][]harness.Edit{"host root": nil, "user namespace": {harness.MappedRoot, harness.DropMount("/proc")}} {
		t.Run(name, func(t *testing.T) {
			ns := holder(t)
			dir := harness.TempDir(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			say := func(name string) []specs.Hook {
				script := `cat >` + dir + `/` + name + `.state; for n in pid net mnt uts cgroup; do readlink /proc/self/ns/$n; done >` + dir + "/" + name
				return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}}
			}
			b := harness.New(t, append(edits, harness.Args("/bin/sleep", "600"), harness.JoinNS(specs.PIDNamespace, ns("pid")), func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{CreateRuntime: say("createRuntime"), CreateContainer: say("createContainer")}
			})...)
			b.Chown(t)
			pid, _ := b.Create(t)
			var want []string
			for _, kind := range []string{"pid", "net", "mnt", "uts", "cgroup"} {
				link, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/" + kind)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, link)
			}
			// The host's procfs, which the hook looks at, doesn't know who is in another pid namespace.
			got := strings.Fields(read(t, filepath.Join(dir, "createContainer")))
			if !slices.Equal(got, want) && !slices.Equal(got, want[1:]) && len(got) > 0 {
				t.Errorf("createContainer hook in %q, want %q", got, want)
			}
			for _, hook := range []string{"createRuntime", "createContainer"} {
				var st specs.State
				if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, hook+".state"))), &st); err != nil || st.Pid <= 0 || st.ID != b.ID {
					t.Errorf("%s: state %+v, %v", hook, st, err)
				}
			}
			b.End(t, pid)
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
