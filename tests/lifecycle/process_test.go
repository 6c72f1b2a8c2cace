package lifecycle

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

func TestProcessBasics(t *testing.T) {
	b := harness.New(t, harness.Probe("arg one", ""), func(s *specs.Spec) {
		s.Process.Env = []string{"PATH=/bin", "A=1", "B=", "C=x=y z"}
		s.Process.Cwd = "/tmp"
		s.Hostname, s.Domainname = "box", domain()
	})
	r := b.Report(t)
	if want := []string{"/bin/probe", "arg one", ""}; !slices.Equal(r.Args, want) {
		t.Errorf("args = %q, want %q", r.Args, want)
	}
	env := slices.DeleteFunc(r.Env, func(e string) bool { return e == "HOME=/root" })
	if want := []string{"PATH=/bin", "A=1", "B=", "C=x=y z"}; !slices.Equal(env, want) {
		t.Errorf("environment = %q, want %q and HOME", r.Env, want)
	}
	if r.Cwd != "/tmp" || r.Hostname != "box" || harness.IsRung() && r.Domainname != "example.org" {
		t.Errorf("cwd %q, hostname %q, domainname %q, want /tmp, box, example.org", r.Cwd, r.Hostname, r.Domainname)
	}
	if r.PID != 1 || r.PPID != 0 {
		t.Errorf("pid %d, ppid %d, want 1, 0", r.PID, r.PPID)
	}
	if r.UID != [3]int{} || r.GID != [3]int{} || len(r.Groups) != 0 || r.Umask != 0o022 {
		t.Errorf("uid %v gid %v groups %v umask %o, want 0, 0, none, 22", r.UID, r.GID, r.Groups, r.Umask)
	}
	if len(r.FDs) != 3 {
		t.Errorf("descriptors = %v, want three", r.FDs)
	}
}

// domain is empty for runc 1.1, which takes a domainname for an unknown field.
func domain() string {
	if harness.IsRung() {
		return "example.org"
	}
	return ""
}

// With crun's annotation processes keep the groups of the runtime's caller, and
// without it none of them.
func TestKeepGroups(t *testing.T) {
	harness.NeedRung(t, "the annotation is crun's")
	for value, want := range map[string][]int{"": nil, "0": nil, "1": {5000, 5001}} {
		b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
			if value != "" {
				s.Annotations = map[string]string{"run.oci.keep_original_groups": value}
			}
		})
		b.Via = []string{"setpriv", "--groups", "5000,5001"}
		if got := slices.Sorted(slices.Values(b.Report(t).Groups)); !slices.Equal(got, want) {
			t.Errorf("%q: groups %v, want %v", value, got, want)
		}
	}
	b := harness.New(t, func(s *specs.Spec) {
		s.Annotations = map[string]string{"run.oci.keep_original_groups": "1"}
		s.Process.User.AdditionalGids = []uint32{7}
	})
	b.Container(t, "create").Fails(t, 1, "process.user.additionalGids: can't be set where the annotation")
}

func TestUser(t *testing.T) {
	mask := uint32(0o027)
	b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{7, 1001, 4000000}, Umask: &mask}
		s.Process.Capabilities = nil
	})
	r := b.Report(t)
	if r.UID != [3]int{1000, 1000, 1000} || r.GID != [3]int{1001, 1001, 1001} || r.Umask != 0o027 {
		t.Errorf("uid %v gid %v umask %o, want 1000, 1001, 27", r.UID, r.GID, r.Umask)
	}
	if want := []int{7, 1001, 4000000}; !slices.Equal(slices.Sorted(slices.Values(r.Groups)), want) {
		t.Errorf("groups = %v, want %v", r.Groups, want)
	}
	if got := harnessEnv(r.Env, "HOME"); got != "/home/user" {
		t.Errorf("HOME = %q, want that of /etc/passwd, /home/user", got)
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
		if r.Status[set] != "0000000000000000" {
			t.Errorf("%s = %s, want none", set, r.Status[set])
		}
	}
}

func harnessEnv(env []string, name string) string {
	for _, e := range env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return "unset"
}

func TestHome(t *testing.T) {
	for _, c := range []struct {
		name, passwd string
		uid          uint32
		env          []string
		want         string
	}{
		{"from passwd", "x:x:5:5::/x:/bin/sh\n", 5, nil, "/x"},
		{"unknown user", "x:x:5:5::/x:/bin/sh\n", 6, nil, "/"},
		{"the config's own", "x:x:5:5::/x:/bin/sh\n", 5, []string{"HOME=/mine"}, "/mine"},
		{"no final line break", "x:x:5:5::/x:/bin/sh", 5, nil, "/x"},
		{"nonsense lines", "\n:::\nx:x:5\ny:y:5:5::/y:/bin/sh\n", 5, nil, "/y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			if c.name == "nonsense lines" {
				harness.NeedRung(t, "reading a passwd file with nonsense lines")
			}
			b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
				s.Process.User.UID = c.uid
				s.Process.Env = append([]string{"PATH=/bin"}, c.env...)
			})
			b.Write(t, "etc/passwd", c.passwd, 0o644)
			if got := harnessEnv(b.Report(t).Env, "HOME"); got != c.want {
				t.Errorf("HOME = %q, want %q", got, c.want)
			}
		})
	}
}

func TestCwd(t *testing.T) {
	t.Run("made if missing", func(t *testing.T) {
		harness.Share(t)
		b := harness.New(t, harness.Probe(), writable, func(s *specs.Spec) { s.Process.Cwd = "/a/b/c" })
		if got := b.Report(t).Cwd; got != "/a/b/c" {
			t.Errorf("cwd = %q, want /a/b/c", got)
		}
	})
	t.Run("private to the user", func(t *testing.T) {
		harness.Share(t)
		b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
			s.Process.Cwd = "/home/me"
			s.Process.User.UID, s.Process.User.GID = 1000, 1000
			s.Process.Capabilities = &specs.LinuxCapabilities{}
		})
		chownDir(t, b.Rootfs+"/home/me", 1000)
		if got := b.Report(t).Cwd; got != "/home/me" {
			t.Errorf("cwd = %q, want /home/me", got)
		}
	})
	t.Run("of somebody else", func(t *testing.T) {
		harness.Share(t)
		b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
			s.Process.Cwd = "/home/me"
			s.Process.User.UID, s.Process.User.GID = 1000, 1000
			s.Process.Capabilities = &specs.LinuxCapabilities{}
		})
		chownDir(t, b.Rootfs+"/home/me", 1001)
		// Root goes there before it becomes the user, as in all runtimes.
		if got := b.Report(t).Cwd; got != "/home/me" {
			t.Errorf("cwd = %q, want /home/me", got)
		}
	})
	t.Run("a file", func(t *testing.T) {
		harness.Share(t)
		b := harness.New(t, func(s *specs.Spec) { s.Process.Cwd = "/etc/passwd" })
		b.Container(t, "run").Fails(t, 1, "not a directory")
	})
}

func chownDir(t *testing.T, path string, id int) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, id, id); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

const (
	capChown, capKill, capNetBind, capSetuid = 1 << unix.CAP_CHOWN, 1 << unix.CAP_KILL, 1 << unix.CAP_NET_BIND_SERVICE, 1 << unix.CAP_SETUID
)

func TestCapabilities(t *testing.T) {
	sets := &specs.LinuxCapabilities{
		Bounding:    []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETUID"},
		Permitted:   []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"},
		Effective:   []string{"CAP_KILL", "CAP_NET_BIND_SERVICE"},
		Inheritable: []string{"CAP_NET_BIND_SERVICE"},
		Ambient:     []string{"CAP_NET_BIND_SERVICE"},
	}
	for _, c := range []struct {
		name string
		uid  uint32
		want map[string]uint64
	}{
		// execve() gives root all of the bounding set, and others what is ambient.
		{"root", 0, map[string]uint64{
			"CapBnd": capChown | capKill | capNetBind | capSetuid, "CapPrm": capChown | capKill | capNetBind | capSetuid,
			"CapEff": capChown | capKill | capNetBind | capSetuid, "CapInh": capNetBind, "CapAmb": capNetBind,
		}},
		{"user", 1000, map[string]uint64{
			"CapBnd": capChown | capKill | capNetBind | capSetuid, "CapPrm": capNetBind,
			"CapEff": capNetBind, "CapInh": capNetBind, "CapAmb": capNetBind,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Probe(), func(s *specs.Spec) {
				s.Process.Capabilities = sets
				s.Process.NoNewPrivileges = false
				s.Process.User.UID = c.uid
			})
			status := b.Report(t).Status
			for set, want := range c.want {
				got, err := strconv.ParseUint(status[set], 16, 64)
				if err != nil || got != want {
					t.Errorf("%s = %s, want %016x", set, status[set], want)
				}
			}
		})
	}
}

func TestNoNewPrivileges(t *testing.T) {
	for _, on := range []bool{false, true} {
		b := harness.New(t, harness.Probe(), func(s *specs.Spec) { s.Process.NoNewPrivileges = on })
		want := map[bool]string{false: "0", true: "1"}[on]
		if got := b.Report(t).Status["NoNewPrivs"]; got != want {
			t.Errorf("noNewPrivileges %v: NoNewPrivs = %s, want %s", on, got, want)
		}
	}
}

func TestRlimits(t *testing.T) {
	b := harness.New(t, harness.Args("/bin/cat", "/proc/self/limits"), func(s *specs.Spec) {
		s.Process.Rlimits = []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Soft: 100, Hard: 200},
			{Type: "RLIMIT_CORE", Soft: 0, Hard: 0},
			{Type: "RLIMIT_STACK", Soft: 4 << 20, Hard: 16 << 20},
			{Type: "RLIMIT_NPROC", Soft: 300, Hard: 400},
			{Type: "RLIMIT_FSIZE", Soft: 1 << 20, Hard: 1 << 21},
		}
	})
	r := b.Container(t, "run")
	r.Silent(t)
	for name, want := range map[string]string{
		"Max open files": "100 200", "Max core file size": "0 0", "Max stack size": "4194304 16777216",
		"Max processes": "300 400", "Max file size": "1048576 2097152",
	} {
		if got := limit(r.Stdout, name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
}

// limit is "SOFT HARD" of a line of /proc/PID/limits.
func limit(text, name string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			f := strings.Fields(rest)
			return f[0] + " " + f[1]
		}
	}
	return "missing"
}

func TestOOMScoreAdj(t *testing.T) {
	score := 321
	b := harness.New(t, harness.Probe(), func(s *specs.Spec) { s.Process.OOMScoreAdj = &score })
	if got := b.Report(t).OOMScore; got != "321" {
		t.Errorf("oom_score_adj = %s, want 321", got)
	}
	// Unset, the caller's is left alone.
	b = harness.New(t, harness.Probe())
	cmd := b.Cmd("run")
	cmd.Via = []string{"sh", "-c", `echo 123 >/proc/self/oom_score_adj; exec "$@"`, "sh"}
	r := cmd.Run(t)
	r.Silent(t)
	if got := r.Report(t).OOMScore; got != "123" {
		t.Errorf("oom_score_adj = %s, want the caller's 123", got)
	}
}

func TestNoProcess(t *testing.T) {
	b := harness.New(t, func(s *specs.Spec) { s.Process = nil })
	harness.NeedRung(t, "a container without a process, which runc refuses to create")
	b.Container(t, "create").Silent(t)
	if s := b.State(t); s.Status != specs.StateCreated {
		t.Errorf("status = %s, want created", s.Status)
	}
	b.Run(t, "start", b.ID).Fails(t, 1, "process")
	b.Must(t, "delete", "--force")
	b.ReapAll(t)
}

func TestSysctl(t *testing.T) {
	b := harness.New(t, harness.Probe("read:/proc/sys/net/ipv4/ip_forward", "read:/proc/sys/kernel/msgmax", "read:/proc/sys/kernel/domainname"),
		func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.msgmax": "4321"}
		})
	r := b.Report(t)
	for path, want := range map[string]string{"net/ipv4/ip_forward": "ok 1", "kernel/msgmax": "ok 4321"} {
		if got := r.Tries["read:/proc/sys/"+path]; got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for name, edit := range map[string]harness.Edit{
		"kernel.pid_max":     func(*specs.Spec) {},
		"net.core.somaxconn": func(s *specs.Spec) { harness.WithoutNS(specs.NetworkNamespace)(s) },
		"kernel.msgmax":      func(s *specs.Spec) { harness.WithoutNS(specs.IPCNamespace)(s) },
	} {
		b := harness.New(t, edit, func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{name: "4321"} })
		b.Container(t, "run").Fails(t, 1, name)
	}
}

// The value of a kernel parameter may be long, and is written at once. An error shows little of it.
func TestSysctlLong(t *testing.T) {
	ports := ""
	for p := 1; p < 22000; p += 2 { // of what is read back, the kernel shows 64 KiB
		ports += strconv.Itoa(p) + ","
	}
	ports = strings.TrimSuffix(ports, ",")
	for where, edit := range surroundings {
		b := harness.New(t, harness.Shell("cat /proc/sys/net/ipv4/ip_local_reserved_ports"), edit, func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_local_reserved_ports": ports}
		})
		b.Chown(t)
		r := b.Container(t, "run")
		if r.Silent(t); strings.TrimSpace(r.Stdout) != ports {
			t.Errorf("%s: of %d bytes %d are read", where, len(ports), len(r.Stdout))
		}
		b.Spec.Linux.Sysctl = map[string]string{"net.ipv4.ip_local_reserved_ports": ports + "nonsense"}
		b.Save(t)
		r = b.Container(t, "run")
		if r.Fails(t, 1, "invalid argument"); harness.IsRung() && len(r.Stderr) > 1000 {
			t.Errorf("%s: an error of %d bytes", where, len(r.Stderr))
		}
	}
}

func TestKeyring(t *testing.T) {
	b := harness.New(t, harness.Probe())
	if got := b.Report(t).Keyring; !strings.HasSuffix(got, ";_ses."+b.ID) {
		t.Errorf("session keyring %q, want _ses.%s", got, b.ID)
	}
	b = harness.New(t, harness.Probe())
	if got := b.Report(t, "--no-new-keyring").Keyring; strings.Contains(got, b.ID) {
		t.Errorf("session keyring %q, want the caller's", got)
	}
}

func TestStandardStreams(t *testing.T) {
	b := harness.New(t, harness.Shell("read x; echo out $x; echo err >&2"))
	in, err := os.CreateTemp(harness.TempDir(t), "in")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, "hello")
	in.Seek(0, 0)
	cmd := b.Cmd("run")
	cmd.Stdin = in
	if r := cmd.Run(t); r.Stdout != "out hello\n" || r.Stderr != "err\n" {
		t.Errorf("want %q and %q: %v", "out hello\n", "err\n", r)
	}
}
