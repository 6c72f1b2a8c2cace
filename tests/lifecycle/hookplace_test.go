package lifecycle

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// Hooks that belong on the host run in the bundle, those in the container in its root
// filesystem, all with the caller's umask: what one writes by a relative name doesn't end
// in the host's root directory.
func TestHookPlace(t *testing.T) {
	harness.NeedRung(t, "runc's createContainer hooks are in its own directory")
	dir := harness.TempDir(t)
	say := func(where, name string) []specs.Hook {
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "(pwd; umask) >" + where + "/" + name}, Env: []string{"PATH=/usr/bin:/bin"}}}
	}
	for name, edit := range map[string]harness.Edit{"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, edit, func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{
					Prestart: say(dir, "prestart"), CreateRuntime: say(dir, "createRuntime"), CreateContainer: say(dir, "createContainer"),
					StartContainer: say("/hooks", "startContainer"), Poststart: say(dir, "poststart"), Poststop: say(dir, "poststop"),
				}
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/hooks", Type: "bind", Source: dir, Options: []string{"bind"}})
			})
			b.Chown(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			for _, mask := range []string{"0027", "0002"} {
				call := b.Cmd("run")
				call.Via = sh("umask " + mask)
				call.Run(t).Silent(t)
				for hook, cwd := range map[string]string{
					"prestart": b.Dir, "createRuntime": b.Dir, "createContainer": b.Rootfs, "startContainer": "/", "poststart": b.Dir, "poststop": b.Dir,
				} {
					text, err := os.ReadFile(dir + "/" + hook)
					if want := cwd + "\n" + mask + "\n"; string(text) != want || err != nil {
						t.Errorf("%s: %q, %v, want %q", hook, text, err, want)
					}
					os.Remove(dir + "/" + hook)
				}
			}
		})
	}
}

// A hook without an environment has the process's in the container, and the runtime's on
// the host; one with an empty environment has none.
func TestHookNoEnvironment(t *testing.T) {
	harness.Share(t)
	dir := harness.TempDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	say := func(where, name string, env []string) specs.Hook {
		return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", `echo "$FROM" >` + where + "/" + name}, Env: env}
	}
	b := harness.New(t, func(s *specs.Spec) {
		s.Process.Env = append(s.Process.Env, "FROM=the container")
		own := []string{"FROM=itself"}
		s.Hooks = &specs.Hooks{
			CreateRuntime:  []specs.Hook{say(dir, "createRuntime", nil), say(dir, "createRuntime-own", own)},
			StartContainer: []specs.Hook{say("/hooks", "startContainer", nil), say("/hooks", "startContainer-own", own)},
			Poststart:      []specs.Hook{say(dir, "poststart", nil)},
			Poststop:       []specs.Hook{say(dir, "poststop", nil)},
		}
		if harness.IsRung() { // runc's are started by a process that has no environment
			s.Hooks.CreateContainer = []specs.Hook{say(dir, "createContainer", nil), say(dir, "createContainer-own", own)}
		}
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/hooks", Type: "bind", Source: dir, Options: []string{"bind"}})
	})
	call := b.Cmd("run")
	call.Env = []string{"PATH=/usr/bin:/bin", "FROM=the runtime"}
	call.Run(t).Silent(t)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 6 {
		t.Errorf("%d hooks ran, %v", len(files), err)
	}
	for _, f := range files {
		want := "the runtime"
		if strings.HasPrefix(f.Name(), "startContainer") {
			want = "the container"
		}
		if strings.HasSuffix(f.Name(), "-own") {
			want = "itself"
		}
		if text, err := os.ReadFile(dir + "/" + f.Name()); string(text) != want+"\n" || err != nil {
			t.Errorf("%s: %q, %v, want %q", f.Name(), text, err, want)
		}
	}
}

// A bundle's path need not be UTF-8: hooks of later verbs find it, and what delete unmounts is there.
func TestHookPlaceBytes(t *testing.T) {
	harness.NeedRung(t, "runc forgets the path")
	harness.Share(t)
	dir := harness.TempDir(t)
	b := harness.New(t, harness.WithoutNS(specs.MountNamespace), func(s *specs.Spec) {
		s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Linux.Devices, s.Root.Readonly = nil, nil, nil, nil, false
		s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "pwd >" + dir + "/poststop"}}}}
	})
	odd := b.Dir + "\xff"
	if err := os.Rename(b.Dir, odd); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(odd, b.Dir); err != nil { // for the test's own files
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(os.Remove(b.Dir), os.Rename(odd, b.Dir)); err != nil {
			t.Error(err)
		}
	}()
	call := b.Cmd("create")
	call.Args[4] = odd
	pid, _ := b.CreateBy(t, call)
	b.Must(t, "delete")
	harness.Wait(t, pid)
	if text, err := os.ReadFile(dir + "/poststop"); err != nil || string(text) != odd+"\n" {
		t.Errorf("the poststop hook ran in %q, %v, want %q", text, err, odd)
	}
	if mounts := read(t, "/proc/self/mountinfo"); strings.Contains(mounts, odd) {
		t.Error("what was mounted at the root filesystem is there still")
	}
}

// What hooks have done is undone by the poststop hooks, once: when a create fails after
// other hooks have run, or when the container is deleted.
func TestPoststopOnce(t *testing.T) {
	bad := []specs.Hook{{Path: "/bin/false"}}
	for name, c := range map[string]struct {
		edit harness.Edit
		want int // how often poststop hooks run
	}{
		"startContainer fails":  {func(s *specs.Spec) { s.Hooks.StartContainer = bad }, 1},
		"createRuntime fails":   {func(s *specs.Spec) { s.Hooks.CreateRuntime = bad }, 1},
		"prestart fails":        {func(s *specs.Spec) { s.Hooks.Prestart = bad }, 1},
		"createContainer fails": {func(s *specs.Spec) { s.Hooks.CreateContainer = bad }, 1},
		"program isn't there": {func(s *specs.Spec) {
			s.Hooks.CreateContainer = []specs.Hook{{Path: "/bin/true"}}
			s.Process.Args = []string{"/no/such"}
		}, 1},
		"sysctl fails": {func(s *specs.Spec) {
			s.Hooks.CreateRuntime = []specs.Hook{{Path: "/bin/true"}}
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "nonsense"}
		}, 1},
		"nothing fails": {func(*specs.Spec) {}, 1},
	} {
		for _, verb := range []string{"run", "create"} {
			t.Run(name+" "+verb, func(t *testing.T) {
				harness.Share(t)
				dir := harness.TempDir(t)
				b := harness.New(t, func(s *specs.Spec) {
					s.Hooks = &specs.Hooks{Poststop: []specs.Hook{hook(dir, "poststop")}}
					c.edit(s)
				})
				r := b.Container(t, verb)
				if verb == "create" && r.Code == 0 {
					b.Run(t, "start", b.ID)
					b.Must(t, "delete", "--force")
					b.ReapAll(t)
				}
				if got := order(t, dir); len(got) != c.want {
					t.Errorf("poststop hooks ran %d times, want %d: %v", len(got), c.want, r)
				}
			})
		}
	}
}
