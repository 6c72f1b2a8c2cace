package lifecycle

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// via runs the bundle by a command that changes what a process inherits.
func via(t *testing.T, b *harness.Bundle, command ...string) *harness.Result {
	t.Helper()
	cmd := b.Cmd("run")
	cmd.Via = command
	r := cmd.Run(t)
	r.Silent(t)
	return r
}

func sh(script string) []string { return []string{"sh", "-c", script + `; exec "$@"`, "sh"} }

// Without a limit in the configuration the container gets the caller's, and not
// what the Go runtime makes of it.
func TestCallerNofile(t *testing.T) {
	harness.Share(t)
	noLimits := func(s *specs.Spec) { s.Process.Rlimits = nil }
	harness.NeedRung(t, "the caller's RLIMIT_NOFILE, which runc 1.1 raises")
	b := harness.New(t, harness.Args("/bin/cat", "/proc/self/limits"), noLimits)
	r := via(t, b, sh("ulimit -Sn 1024; ulimit -Hn 4096; ulimit -c 0; ulimit -Ss 4000")...)
	for name, want := range map[string]string{"Max open files": "1024 4096", "Max core file size": "0 0"} {
		if got := limit(r.Stdout, name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if got := limit(r.Stdout, "Max stack size"); !strings.HasPrefix(got, "4096000 ") {
		t.Errorf("stack size = %s, want 4096000 and any", got)
	}
}

func TestCallerStartNofile(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "the caller's RLIMIT_NOFILE, which runc 1.1 raises")
	b := harness.New(t, harness.Args("/bin/cat", "/proc/self/limits"), func(s *specs.Spec) { s.Process.Rlimits = nil })
	cmd := b.Cmd("create")
	cmd.Via = sh("ulimit -Sn 777")
	pid, r := b.CreateBy(t, cmd)
	b.Must(t, "start")
	harness.Wait(t, pid)
	if got := limit(r.Reread(t), "Max open files"); !strings.HasPrefix(got, "777 ") {
		t.Errorf("open files = %s, want 777 of create's caller", got)
	}
	b.Must(t, "delete")
}

// A container begins with empty signal masks and default dispositions.
func TestCallerSignals(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "an empty signal mask, which runc 1.1 doesn't give")
	b := harness.New(t, harness.Args("/bin/cat", "/proc/self/status"))
	r := via(t, b, "env", "--block-signal=TERM,USR1,RTMIN", "--ignore-signal=INT,QUIT,PIPE,HUP,USR2,CHLD")
	for _, field := range []string{"SigBlk", "SigIgn", "SigCgt", "SigPnd"} {
		if want := field + ":\t0000000000000000\n"; !strings.Contains(r.Stdout, want) {
			t.Errorf("want %q: %s", want, r.Stdout)
		}
	}
}

func TestCallerScheduling(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe())
	if got := via(t, b, "nice", "-n", "10").Report(t).Nice; got != 0 && harness.IsRung() {
		t.Errorf("nice = %d, want 0", got)
	}
	all := len(harness.New(t, harness.Probe()).Report(t).Affinity)
	b = harness.New(t, harness.Probe())
	harness.NeedRung(t, "the affinity of the caller, which runc 1.1 hands on")
	if got := len(via(t, b, "taskset", "-c", "0").Report(t).Affinity); got != all {
		t.Errorf("container can run on %d CPUs, want all %d", got, all)
	}
}

func TestCallerUmask(t *testing.T) {
	harness.NeedRung(t, "mount points that a caller's umask has no part in")
	for name, edit := range map[string]harness.Edit{"host root": nil, "user namespace": harness.MappedRoot} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			edits := []harness.Edit{
				harness.Probe("create:/tmp/x", "stat:/tmp/x", "mkdir:/made/y", "stat:/made", "stat:/dev/null", "stat:/dev/shm"), writable,
				func(s *specs.Spec) {
					s.Mounts = append(s.Mounts, specs.Mount{Destination: "/made", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=0755"}})
				},
			}
			null := "ok char 0666 0:0 1:3"
			if edit != nil {
				edits, null = append(edits, edit), "ok char 0666 65534:65534 1:3"
			}
			b := harness.New(t, edits...)
			b.Chown(t)
			r := via(t, b, sh("umask 777")...).Report(t)
			if r.Umask != 0o022 {
				t.Errorf("umask = %o, want 22", r.Umask)
			}
			for try, want := range map[string]string{
				"create:/tmp/x": "ok", "stat:/tmp/x": "ok file 0644 0:0", "mkdir:/made/y": "ok", "stat:/made": "ok dir 0755 0:0",
				"stat:/dev/null": null, "stat:/dev/shm": "ok dir 1777 0:0",
			} {
				if r.Tries[try] != want {
					t.Errorf("%s: %s, want %s", try, r.Tries[try], want)
				}
			}
			if st, err := os.Stat(b.Rootfs + "/made"); err != nil || st.Mode().Perm() != 0o755 {
				t.Errorf("made mount point: %v, %v, want mode 755", st.Mode(), err)
			}
		})
	}
}

// A caller without standard streams: nothing of the runtime's may take their numbers.
func TestCallerClosedStreams(t *testing.T) {
	harness.Share(t)
	for _, script := range []string{"exec <&-", "exec <&- >&-", "exec <&- >&- 2>&-"} {
		b := harness.New(t, harness.Probe("-o", "/tmp/out"), writable)
		via(t, b, sh(script)...)
		r := harness.ParseReport(t, b.Read(t, "tmp/out"))
		for fd, link := range r.FDs {
			if fd > 2 || strings.Contains(link, b.Root) || strings.Contains(link, "rung") && !strings.Contains(link, "/out") || strings.HasPrefix(link, "socket:") || strings.HasPrefix(link, "anon") {
				t.Errorf("after %s: descriptor %d is %s", script, fd, link)
			}
		}
	}
}

// Descriptors that the caller left open don't get in.
func TestCallerDescriptors(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe())
	secret, err := os.Open("/etc")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	cmd := b.Cmd("run")
	cmd.Files = []*os.File{secret, secret, secret}
	r := cmd.Run(t)
	r.Silent(t)
	if fds := r.Report(t).FDs; len(fds) != 3 {
		t.Errorf("descriptors = %v, want three", fds)
	}
}

// The working directory of the caller may be gone or out of reach.
func TestCallerDirectory(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe())
	dir := harness.TempDir(t) + "/gone"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := via(t, b, sh("cd "+dir+" && rmdir "+dir)...)
	if got := r.Report(t).Cwd; got != "/" {
		t.Errorf("cwd = %q, want /", got)
	}
}

// A caller whose soft limit of file sizes is too low for our own files isn't in our way:
// the container gets it, and so does an exec. Where it is the hard one, the error says so.
func TestCallerFileSize(t *testing.T) {
	harness.NeedRung(t, "a soft limit in which runc can't write its state")
	few := []string{"prlimit", "--fsize=2048:"} // the report of a container has to fit
	for name, edit := range map[string]harness.Edit{
		"plain":          func(*specs.Spec) {},
		"user namespace": mapped,
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Args("/bin/cat", "/proc/self/limits"), edit)
			if name != "plain" {
				chownAll(t, b)
			}
			r := via(t, b, few...)
			if got := limit(r.Stdout, "Max file size"); got != "2048 unlimited" {
				t.Errorf("file size = %s, want the caller's 2048 and unlimited", got)
			}
			b.Spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_FSIZE", Soft: 4096, Hard: 8192}}
			b.Save(t)
			r = via(t, b, few...)
			if got := limit(r.Stdout, "Max file size"); got != "4096 8192" {
				t.Errorf("file size = %s, want the configuration's 4096 and 8192", got)
			}
		})
	}
	b := harness.New(t, harness.Args("/bin/sleep", "1000"))
	pid, _ := b.Create(t)
	b.Must(t, "start")
	cmd := &harness.Cmd{Args: []string{"--root", b.Root, "exec", b.ID, "/bin/cat", "/proc/self/limits"}, Via: few}
	r := cmd.Run(t)
	r.Silent(t)
	if got := limit(r.Stdout, "Max file size"); got != "2048 unlimited" {
		t.Errorf("an exec's file size = %s, want its caller's 2048 and unlimited", got)
	}
	b.End(t, pid)
	hard := b.Cmd("run")
	hard.Via = []string{"prlimit", "--fsize=2048:2048"}
	hard.Run(t).Fails(t, 1, "file too large: the caller's hard limit of file sizes (RLIMIT_FSIZE) is 2048 bytes")
}

// Whatever there are too few descriptors for is named, and nothing stays behind.
func TestFewDescriptors(t *testing.T) {
	harness.NeedRung(t, "the words are rung's")
	harness.Share(t)
	for n := 12; n <= 48; n++ {
		b := harness.New(t, harness.Args("/bin/true"), func(s *specs.Spec) { s.Process.Rlimits = nil })
		cmd := b.Cmd("run")
		cmd.Via = sh("ulimit -n " + strconv.Itoa(n))
		r := cmd.Run(t)
		if cause := "too many open files"; r.Code != 0 && strings.Contains(r.Stderr, "process: "+cause) {
			t.Errorf("with %d descriptors: %v, want to know for what", n, r)
		}
	}
}
