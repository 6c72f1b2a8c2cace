package security

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func bind(source, target string, options ...string) specs.Mount {
	return specs.Mount{Type: "bind", Source: source, Destination: target, Options: append([]string{"bind"}, options...)}
}

func tmpfs(target string) specs.Mount {
	return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: target}
}

const (
	ordinary = "must be mounted on ordinary directory"
	inside   = "inside /proc"
)

// CVE-2019-16884, CVE-2019-19921, CVE-2023-27561: nothing but the kernel's own
// files in /proc and /sys.
func TestProcTargets(t *testing.T) {
	harness.Once(t)
	file := filepath.Join(harness.TempDir(t), "file")
	if err := os.WriteFile(file, []byte("from outside\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	count := 0
	try := func(name, want string, image func(*harness.Bundle), edits ...harness.Edit) {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, edits...)
			if image != nil {
				image(b)
			}
			r := b.Container(t, "run")
			if want == "" {
				r.Silent(t)
			} else {
				r.Fails(t, 1, want)
			}
		})
		count++
	}
	for _, name := range []string{"proc", "sys"} {
		for _, kind := range []string{"link:/bad", "link:../bad", "link:/tmp", "file", "link:/"} {
			try(name+" is "+kind, ordinary, func(b *harness.Bundle) { place(t, b, name, kind) })
		}
	}
	for _, target := range []string{
		"/proc", "/proc/self", "/proc/self/attr", "/proc/sys", "/proc/thread-self/attr",
		"/proc/1/attr", "/proc/../proc/sys", "/tmp/../proc/self", "/x", "/x/net", "/proc/sys/kernel",
	} {
		want := inside
		if target == "/proc" {
			want = "on /proc"
		}
		try("tmpfs at "+target, want, func(b *harness.Bundle) { symlink(t, b, "/proc/sys", "x") }, harness.AddMount(tmpfs(target)))
	}
	for _, target := range []string{"/proc/net/dev", "/proc/self/attr/exec", "/x/kernel/core_pattern", "/proc/version"} {
		try("file at "+target, inside, func(b *harness.Bundle) { symlink(t, b, "/proc/sys", "x") }, harness.AddMount(bind(file, target)))
	}
	try("procfs of a process at /proc", inside, nil, harness.DropMount("/proc"), harness.AddMount(bind("/proc/1", "/proc")))
	try("directory at /proc", inside, nil, harness.DropMount("/proc"), harness.AddMount(bind("/tmp", "/proc")))
	try("procfs of the host at /proc", "", nil, harness.DropMount("/proc"), harness.AddMount(bind("/proc", "/proc", "rbind")))
	for _, name := range []string{
		"cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
		"sys/kernel/ns_last_pid", "sys/crypto/fips_enabled",
	} {
		if _, err := os.Stat("/proc/" + name); err == nil {
			try("lxcfs "+name, "", nil, harness.AddMount(bind(file, "/proc/"+name)))
		}
	}
	t.Logf("%d configurations", count)
}

// What lies over the host's /proc doesn't fool the runtime.
func TestOvermountedProc(t *testing.T) {
	harness.Once(t)
	// Root mounts a procfs of its own, and the sysctl is set; in a user namespace the
	// kernel refuses one to whom a part of the old one is hidden.
	const hidden = "mount proc at /proc: VFS: Mount too revealing: operation not permitted"
	for _, c := range []struct {
		name, over string
		want       [2]string // of root, and in a user namespace: an error, "" that it works
	}{
		{"sys", `mount -t tmpfs none /proc/sys; d=/proc/sys`, [2]string{"", hidden}},
		{"sys/net", `mount -t tmpfs none /proc/sys/net; d=/proc/sys/net; f=ipv4/ip_forward`, [2]string{"", hidden}},
		{"file", `d=$DECOY; f=x; echo dummy >$d/x; mount --bind $d/x /proc/sys/net/ipv4/ip_forward`, [2]string{"", hidden}},
		{"all", `mount -t tmpfs none /proc; d=/proc/sys; mkdir $d`, [2]string{"detect cgroups: ", "detect cgroups: "}},
		{"self", `mount -t tmpfs none /proc/$$; mkdir -p /proc/$$/attr /proc/$$/fd; d=/proc/$$; f=uid_map; for i in gid_map setgroups oom_score_adj attr/exec; do echo dummy >$d/$i; done`, [2]string{"detect cgroups: ", "detect cgroups: "}},
	} {
		for _, user := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, user), func(t *testing.T) {
				b := harness.New(t, harness.Args("/bin/cat", "/proc/sys/net/ipv4/ip_forward"), func(s *specs.Spec) {
					s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
					if user {
						harness.MappedRoot(s)
					}
				})
				b.Chown(t)
				decoy := harness.TempDir(t)
				// The same process that was over-mounted becomes the runtime; the one
				// that stays outside reads the decoy afterwards.
				script := c.over + `; : ${f:=net/ipv4/ip_forward}; mkdir -p $d/${f%/*} 2>/dev/null; echo dummy >$d/$f
					exec 9<$d/$f; (exec "$@" 9<&-); code=$?; cat <&9 >$DECOY/after; exit $code`
				if c.name == "self" {
					script = c.over + `; echo dummy >$d/$f; exec "$@"`
				}
				call := b.Cmd("run")
				call.Via = []string{"unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"}
				call.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DECOY=" + decoy}
				r := call.Run(t)
				want := c.want[0]
				if user {
					want = c.want[1]
				}
				if !strings.Contains(r.Stderr, "too revealing") { // before Linux 6.18 that is told in the kernel's log
					want = strings.Replace(want, "VFS: Mount too revealing: ", "", 1)
				}
				if harness.IsRung() && (want == "" && r.Code != 0 || want != "" && (r.Code != 1 || !strings.Contains(r.Stderr, want))) {
					t.Errorf("want %q: %v", want, r)
				}
				if r.Code == 0 && r.Stdout != "1\n" || r.Code != 0 && r.Stderr == "" {
					t.Errorf("the sysctl was silently not applied, or there is no error: %v", r)
				}
				data, err := os.ReadFile(decoy + "/after")
				if c.name != "self" && (err != nil || string(data) != "dummy\n") {
					t.Errorf("the decoy holds %q, %v, want what it did", data, err)
				}
			})
		}
	}
}
