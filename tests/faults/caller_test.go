package faults

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// Catalogue row 40: callers in every odd condition. The container works and
// sees the defaults.
func TestOddCallers(t *testing.T) {
	harness.Once(t)
	plain := harness.New(t, harness.Shell(seen))
	want := plain.Container(t, "run")
	want.Silent(t)
	for _, c := range []struct{ name, script string }{
		{"deleted cwd", `mkdir -p $D/gone && cd $D/gone && rmdir $D/gone`},
		{"umask 777", `umask 777`},
		{"nice", `renice -n 19 $$ >/dev/null`},
		{"SIGCHLD ignored", `trap '' CHLD`},
		{"all ignored", `trap '' HUP INT QUIT PIPE TERM USR1 USR2 ALRM CHLD TSTP TTIN TTOU WINCH`},
		{"little stack", `ulimit -s 128`},
		{"few files", `ulimit -Sn 32`},
		{"no core", `ulimit -c 0`},
		{"no environment", `unset PATH HOME`},
		{"hostile environment", `export GODEBUG=x=y GOTRACEBACK=crash GOMAXPROCS=0 LD_PRELOAD=/none GOGC=1 _LIBCONTAINER_INITPIPE=3 TMPDIR=/none`},
		{"listen", `export LISTEN_FDS=zero LISTEN_PID=x NOTIFY_SOCKET=`},
		{"chroot cwd", `cd /proc/self/fd`},
	} {
		for _, conf := range configs {
			t.Run(c.name+" "+conf.name, func(t *testing.T) {
				b := harness.New(t, harness.Shell(seen), conf.edit)
				b.Chown(t)
				call := with(via(b.Cmd("run"), c.script+`; exec "$@"`), "D="+harness.TempDir(t))
				r := call.Run(t)
				if r.Code != 0 || r.Stderr != "" {
					t.Fatalf("%v", r)
				}
				if conf.name == "host root" && r.Stdout != want.Stdout {
					if c.name == "little stack" || c.name == "few files" || c.name == "no core" {
						return // limits of the caller are the container's unless set: runc's way
					}
					t.Errorf("the container sees\n%s\nwant\n%s", r.Stdout, want.Stdout)
				}
			})
		}
	}
}

// Row 40: callers that the kernel has a program not trust (AT_SECURE), where the Go runtime has environment variables of its own.
func TestSecureCallers(t *testing.T) {
	harness.Once(t)
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("needs setpriv")
	}
	for _, conf := range configs {
		b := harness.New(t, harness.Args("/bin/true"), conf.edit)
		b.Chown(t)
		call := b.Cmd("run")
		call.Via = []string{setpriv, "--egid", "1", "--clear-groups"}
		if r := call.Run(t); r.Code != 0 || r.Stderr != "" {
			t.Errorf("another effective group, %s: %v", conf.name, r)
		}
	}
	if !harness.IsRung() {
		return
	}
	text, err := os.ReadFile(harness.Runtime())
	dir := harness.TempDir(t)
	able := filepath.Join(dir, "rung")
	if err == nil {
		err = os.WriteFile(able, text, 0o755)
	}
	if err == nil {
		const netAdmin = "\x01\x00\x00\x02\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // struct vfs_cap_data, effective
		err = unix.Setxattr(able, "security.capability", []byte(netAdmin), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("timeout", "-k", "5", "30", setpriv, "--reuid", "1000", "--regid", "1000", "--clear-groups", able, "--version")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "rung version ") {
		t.Errorf("file capabilities: %v: %s", err, out)
	}
}

// Row 40: a caller that may not write files. There is no container without a
// record of it: an error, and nothing is left.
func TestNoFileSize(t *testing.T) {
	inv := harness.Take()
	b := sleeper(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	call := via(b.Cmd("create"), `ulimit -f 0; exec "$@" 2>&1`)
	call.Stdout = write
	r := call.Run(t)
	write.Close()
	text, _ := io.ReadAll(read)
	if r.Code != 1 || !strings.Contains(string(text), "file too large") {
		t.Errorf("want file too large: %v %s", r, text)
	}
	for _, line := range inv.Left(b) {
		t.Errorf("left by the failed create: %s", line)
	}
}

// seen prints what a caller could have handed on.
const seen = `grep -E '^(Sig(Blk|Ign|Cgt)|Umask|Cpus_allowed_list|Groups|NoNewPrivs|Seccomp):' /proc/self/status; umask; cut -d' ' -f19 /proc/self/stat; ulimit -a; env; pwd`

// Row 40: blocked signals, and a caller that is a subreaper, as this test is.
func TestBlockedSignals(t *testing.T) {
	harness.Once(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	b := harness.New(t, harness.Args("/bin/grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"))
	call := b.Cmd("run")
	call.Via = []string{python, "-W", "ignore", "-c", `import os,signal,sys
signal.pthread_sigmask(signal.SIG_BLOCK, range(1,65))
os.execv(sys.argv[1], sys.argv[1:])`}
	call.Env = os.Environ()
	r := call.Run(t)
	r.Silent(t)
	for _, line := range strings.Split(strings.TrimSpace(r.Stdout), "\n") {
		if !strings.HasSuffix(line, "\t0000000000000000") {
			t.Errorf("%s, want no signal", line)
		}
	}
}

// A run that has too few descriptors leaves nothing either.
func TestFewDescriptorsRun(t *testing.T) {
	harness.Once(t) // in a short test, which is long enough
	for _, c := range configs {
		t.Run(c.name, func(t *testing.T) {
			inv := harness.Take()
			b := harness.New(t, harness.Args("/bin/true"), c.edit, func(s *specs.Spec) { s.Process.Rlimits = nil })
			b.Chown(t)
			for n := 3; n <= 32; n++ {
				r := via(b.Cmd("run"), fmt.Sprintf(`ulimit -n %d; exec "$@"`, n)).Run(t)
				if r.Code != 0 && (r.Stderr == "" || strings.Count(r.Stderr, "\n") > 1) {
					t.Errorf("ulimit -n %d: want one line: %v", n, r)
				}
				for _, line := range inv.Left(b) {
					t.Errorf("ulimit -n %d: left by the run: %s: %v", n, line, r)
				}
			}
		})
	}
}

// Row 10: few descriptors. Everything works, or is one line that says why, and
// leaves nothing.
func TestFewDescriptors(t *testing.T) {
	harness.Once(t) // in a short test, which is long enough
	for _, c := range configs {
		t.Run(c.name, func(t *testing.T) {
			inv := harness.Take()
			// A hard limit can't be raised everywhere.
			b := sleeper(t, c.edit, func(s *specs.Spec) { s.Process.Rlimits = nil })
			worked := 0
			for n := 3; n <= 64; n += rounds(1, 3) {
				r := via(b.Cmd("create"), fmt.Sprintf(`ulimit -n %d; exec "$@"`, n)).Run(t)
				bad := strings.Contains(r.Stderr, "fatal error") || strings.Contains(r.Stderr, "panic") || strings.Contains(r.Stderr, "goroutine")
				switch {
				case r.Code == 0:
					worked++
				case bad || r.Stderr == "" || strings.Count(r.Stderr, "\n") > 1:
					t.Errorf("ulimit -n %d: want one line: %v", n, r)
				default:
					for _, line := range inv.Left(b) {
						t.Errorf("ulimit -n %d: left by the failed create: %s", n, line)
					}
				}
				remove(t, b, inv, fmt.Sprint("ulimit -n ", n))
			}
			t.Logf("limits 3 to 64, create worked with %d", worked)
			if worked == 0 {
				t.Error("no limit worked")
			}
		})
	}
}

// Row 10: many mounts and devices, and a low limit of the container's own. Engines give
// a log, which is a file that the Go runtime polls; so much configuration has it collect
// garbage while a thread of it is in the container's namespaces.
func TestManyMounts(t *testing.T) {
	harness.Once(t)
	n := rounds(3000, 1000)
	b := harness.New(t, harness.Shell("grep -c ' /many/' /proc/self/mounts; ulimit -n"), func(s *specs.Spec) {
		s.Root.Readonly = false
		for i := range n {
			s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: "/tmp", Destination: fmt.Sprintf("/many/%d", i), Options: []string{"bind"}})
			s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{Path: fmt.Sprintf("/dev/many%d", i), Type: "c", Major: 1, Minor: 5})
		}
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 4, Hard: 4}}
	})
	log := filepath.Join(harness.TempDir(t), "log")
	for _, script := range []string{`exec "$@"`, `ulimit -Sn 1024; exec "$@"`} {
		for _, flags := range [][]string{nil, {"--log", log, "--log-format", "json"}} {
			for range rounds(20, 2) {
				call := b.Cmd("run")
				call.Args = append(append([]string{}, flags...), call.Args...)
				r := via(call, script).Run(t)
				if r.Code != 0 || r.Stderr != "" || r.Stdout != fmt.Sprintf("%d\n4\n", n) {
					t.Errorf("%s, %v: want %d mounts and a limit of 4: %v", script, flags, n, r)
					b.Run(t, "delete", "--force", b.ID)
				}
				t.Logf("%d mounts and devices in %v", n, r.Elapsed)
			}
		}
	}
	if text, err := os.ReadFile(log); err != nil || len(text) > 0 {
		t.Errorf("the log says %q, %v, want nothing", text, err)
	}
}
