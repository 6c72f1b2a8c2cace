package rootless

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What an ordinary user can't have is an error that says so.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit harness.Edit
		want string
	}{
		"no user namespace": {func(s *specs.Spec) {
			namespace(specs.UserNamespace, "-")(s)
			s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		}, "linux.namespaces: rootless container requires user namespaces"},
		"terminals of group 5": {func(s *specs.Spec) {
			for i := range s.Mounts {
				if s.Mounts[i].Type == "devpts" {
					s.Mounts[i].Options = append(s.Mounts[i].Options, "gid=5")
				}
			}
		}, "mounts[2].options: gid 5 is not mapped in the user namespace"},
		"a foreign id":       {mapping(specs.LinuxIDMapping{HostID: uid + 1, Size: 1}), "linux.uidMappings: write id map: newuidmap: exit status 1, output: newuidmap: uid range"},
		"more than promised": {mapping(specs.LinuxIDMapping{HostID: firstID, Size: ids + 1}), "newuidmap: exit status 1, output: newuidmap: uid range"},
		"a higher limit": {func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1 << 30, Hard: 1 << 30}}
		}, "set rlimit RLIMIT_NOFILE: operation not permitted"},
		"a device that's not": {func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "c", Major: 240, Minor: 7}}
		}, "device /dev/x"},
		"a disk": {func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/disk", Type: "ext4", Source: "/dev/null"})
		}, "mount ext4 at /disk: operation not permitted (in a user namespace few file systems can be mounted: bind one that the host has mounted) (mounts["},
		"a mistyped option": {func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/x", Type: "tmpfs", Source: "x", Options: []string{"sizee=4k"}})
		}, "invalid argument; did you mean size? (mounts["},
		"a source that isn't there": {func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/x", Source: "/not/here", Options: []string{"bind"}})
		}, "/not/here at /x: no such file or directory (mounts["},
		"the host's network": {namespace(specs.NetworkNamespace, "/proc/1/ns/net"), "/proc/1/ns/net"},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			r := newBundle(t, c.edit).Container(t, "run")
			r.Fails(t, 1, c.want)
			if strings.Count(r.Stderr, "\n") != 1 {
				t.Errorf("more than a line: %s", r.Stderr)
			}
		})
	}
}

// What is missing of a program is read with the user's rights, and named as for root.
func TestRefusedProgram(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Args("/bin/script"))
	b.Write(t, "bin/script", "#!/no/such\n", 0o755)
	b.Container(t, "run").Fails(t, 255, "exec /bin/script: no such file or directory (its interpreter /no/such is missing)")
	b.Run(t, "delete", "--force", b.ID)
	b.Spec.Process.Args = []string{"/bin/sleep", "600"}
	b.Save(t)
	pid, _ := b.Create(t)
	b.Must(t, "start")
	b.Run(t, "exec", b.ID, "/bin/script").Fails(t, 255, "exec /bin/script: no such file or directory (its interpreter /no/such is missing)")
	b.Must(t, "delete", "--force")
	harness.Wait(t, pid)
}

// Fault 42: newuidmap and newgidmap are missing, fail or hang.
func TestHelperFaults(t *testing.T) {
	many := mapping(ranges["65536 with his"]...)
	own := newBundle(t)
	replaced := func(name, script string) []string {
		file := harness.TempDir(t) + "/" + name
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return append([]string{"unshare", "-m", "--propagation", "private"}, via("mount --bind "+file+" /usr/bin/"+name+" && ")...)
	}
	layers := harness.TempDir(t)
	for _, d := range []string{"/up", "/work"} {
		if err := os.Mkdir(layers+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	missing := append([]string{"unshare", "-m", "--propagation", "private"}, via(fmt.Sprintf(
		"mount -t tmpfs none %[1]s && mkdir %[1]s/up %[1]s/work && mount -t overlay -o lowerdir=/usr/bin,upperdir=%[1]s/up,workdir=%[1]s/work none /usr/bin && rm /usr/bin/newuidmap && ", layers))...)
	for _, c := range []struct {
		name, want string
		via        []string
		least      time.Duration
	}{
		{"missing", "linux.uidMappings: write id map: newuidmap isn't installed, without which an ordinary user can map his own id only (looked in /usr/bin", missing, 0},
		{"failing", "linux.uidMappings: write id map: newuidmap: exit status 3, output: the moon is wrong", replaced("newuidmap", "echo the moon is wrong >&2; exit 3"), 0},
		{"failing gids", "linux.gidMappings: write id map: newgidmap: exit status 1, output: no gids", replaced("newgidmap", "echo no gids; exit 1"), 0},
		{"killed", "newuidmap: signal: killed", replaced("newuidmap", "kill -9 $$"), 0},
		{"does nothing", "linux.uidMappings: write id map: newuidmap: ended without an error and without a map", replaced("newuidmap", "exit 0"), 0},
		{"hanging", "linux.gidMappings: write id map: newgidmap: timed out after 10 s, output: waiting", replaced("newgidmap", "echo waiting; exec sleep 1000"), 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.least > 0 && (testing.Short() || harness.View() != harness.V2) {
				t.Skip("takes its time: once, and not with -short")
			}
			b := newBundle(t, many)
			b.Via = append(c.via, asUser()...)
			r := b.Container(t, "run")
			r.Fails(t, 1, c.want)
			if r.Elapsed < c.least || r.Elapsed > c.least+3*time.Second {
				t.Errorf("took %v, want %v and little more", r.Elapsed, c.least)
			}
			// One's own id takes no help.
			own.Via = b.Via
			own.Container(t, "run").Silent(t)
		})
	}
}

// PATH says nothing about which newuidmap is run, and there may be none.
func TestHelperPath(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, mapping(ranges["65536 with his"]...))
	dir := harness.TempDir(t)
	if err := os.WriteFile(dir+"/newuidmap", []byte("#!/bin/sh\ntouch "+b.Dir+"/called\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, env := range [][]string{{}, {"PATH=" + dir}} {
		cmd := b.Cmd("run")
		cmd.Env = env
		cmd.Run(t).Silent(t)
	}
	if _, err := os.Stat(b.Dir + "/called"); err == nil {
		t.Error("newuidmap of PATH was run")
	}
}

// The state lies in the user's runtime directory.
func TestDefaultRoot(t *testing.T) {
	harness.Share(t)
	b := newBundle(t, harness.Args("/bin/sleep", "1000"))
	dir := harness.TempDir(t)
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	call := func(args ...string) *harness.Result {
		cmd := &harness.Cmd{Args: args, Via: b.Via, Env: []string{"XDG_RUNTIME_DIR=" + dir}}
		return cmd.Run(t)
	}
	file := b.Dir + "/pid"
	call("create", "--bundle", b.Dir, "--pid-file", file, b.ID).Silent(t)
	pid := harness.PID(t, file)
	st, err := os.Stat(filepath.Join(dir, "rung"))
	if err != nil || st.Mode() != os.ModeDir|os.ModeSticky|0o700 {
		t.Errorf("root is %v, %v, want mode 0700 and sticky", st.Mode(), err)
	}
	for _, args := range [][]string{{"start", b.ID}, {"state", b.ID}, {"kill", b.ID, "KILL"}} {
		call(args...).Silent(t)
	}
	harness.Wait(t, pid)
	call("delete", b.ID).Silent(t)

	cmd := &harness.Cmd{Args: []string{"run", "--bundle", b.Dir, b.ID}, Via: b.Via}
	cmd.Run(t).Fails(t, 1, "XDG_RUNTIME_DIR isn't set: set it, or use --root")
}

// oom_score_adj can be raised, not lowered: then it stays, and that is told.
func TestOOMScore(t *testing.T) {
	for score, want := range map[int]string{300: "300", -500: "100"} {
		b := newBundle(t, harness.Probe(), func(s *specs.Spec) { s.Process.OOMScoreAdj = &score })
		b.Via = append(via("echo 100 >/proc/self/oom_score_adj && "), asUser()...)
		r := b.Container(t, "run")
		if got := r.Report(t).OOMScore; got != want || strings.Contains(r.Stderr, "process.oomScoreAdj: stays as it is") != (score < 0) {
			t.Errorf("oomScoreAdj %d from 100: %s, want %s: %v", score, got, want, r)
		}
	}
}
