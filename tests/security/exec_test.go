package security

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// living is a container to exec into.
func living(t *testing.T, edits ...harness.Edit) (b *harness.Bundle, pid int) {
	t.Helper()
	b = harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "300")}, edits...)...)
	b.Chown(t)
	pid, _ = b.Create(t)
	b.Must(t, "start")
	return b, pid
}

// CVE-2024-21626 by way of exec: no working directory or program by a leaked
// descriptor, none of the caller's descriptors but those promised, and root and
// working directory in the container.
func TestExecDescriptors(t *testing.T) {
	harness.Share(t)
	b, pid := living(t)
	defer b.End(t, pid)
	symlink(t, b, "/proc/self/fd/7/../..", "w")
	call := func(flags []string, files []*os.File, command ...string) *harness.Result {
		c := b.Cmd("exec")
		c.Args = append(append(append([]string{"--root", b.Root, "exec"}, flags...), b.ID), command...)
		c.Files = files
		return c.Run(t)
	}
	leak := []*os.File{open(t, "/etc"), open(t, "/")}
	refused := func(what string, r *harness.Result) {
		if r.Code != 255 || r.Stderr == "" || r.Stdout != "" {
			t.Errorf("%s: want an error: %v", what, r)
		}
	}
	for n := 3; n <= 40; n++ {
		for _, up := range []string{"", "/../.."} {
			path := fmt.Sprintf("/proc/self/fd/%d%s", n, up)
			refused("cwd "+path, call([]string{"--cwd", path}, leak, "/bin/pwd"))
			refused("program "+path, call(nil, leak, path+"/bin/sh", "-c", "echo ran"))
		}
	}
	refused("cwd by a link", call([]string{"--cwd", "/w"}, leak, "/bin/pwd"))

	// ls has its own directory open, as 3.
	if r := call(nil, []*os.File{open(t, "/"), open(t, "/etc"), nil, open(t, "/etc/passwd")}, "/bin/ls", "/proc/self/fd"); strings.Join(strings.Fields(r.Stdout), " ") != "0 1 2 3" {
		t.Errorf("want 0 1 2 and ls's own: %v", r)
	}
	file := filepath.Join(harness.TempDir(t), "file")
	if err := os.WriteFile(file, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := call([]string{"--preserve-fds", "1"}, []*os.File{open(t, file), open(t, "/etc")}, "sh", "-c", "ls /proc/self/fd | wc -l; cat <&3"); strings.Join(strings.Fields(r.Stdout), " ") != "5 kept" {
		t.Errorf("want the preserved descriptor and no other: %v", r)
	}
	for _, files := range [][]*os.File{{open(t, file), nil, open(t, file)}, {nil, open(t, file)}, {open(t, file)}, nil} {
		refused("hole among preserved descriptors", call([]string{"--preserve-fds", "3"}, files, "/bin/echo", "ran"))
	}

	call([]string{"--detach", "--pid-file", b.Dir + "/pid"}, leak, "/bin/sleep", "300").Silent(t)
	p := harness.PID(t, b.Dir+"/pid")
	for _, name := range []string{"root", "cwd"} {
		var st, host unix.Stat_t
		if err := unix.Stat(fmt.Sprintf("/proc/%d/%s", p, name), &st); err != nil {
			t.Fatal(err)
		}
		if err := unix.Stat("/", &host); err != nil {
			t.Fatal(err)
		}
		if st.Ino == host.Ino && st.Dev == host.Dev {
			t.Errorf("%s is the host's /", name)
		}
	}
	unix.Kill(p, unix.SIGKILL)
	harness.Wait(t, p)
}

// hostile are variables that change what a program, a dynamic linker, Go or a
// container runtime does.
var hostile = []string{
	"LD_PRELOAD=/evil.so", "LD_LIBRARY_PATH=/evil", "PATH=/evil", "GODEBUG=inittrace=1", "GOTRACEBACK=crash", "GOGC=1",
	"GOMAXPROCS=64", "GOMEMLIMIT=1", "_LIBCONTAINER_INITPIPE=3", "_LIBCONTAINER_LOGPIPE=2", "RUNG_FAULT=x", "LISTEN_FDS=3", "NOTIFY_SOCKET=/evil",
}

// The environment of a container's process is for that alone, and the runtime's own
// for nobody else in it. Until its execve nothing runs but the runtime's own file, and hooks
// get what they are given, or what belongs where they run.
func TestEnvironment(t *testing.T) {
	harness.Share(t)
	dir := harness.TempDir(t)
	os.Chmod(dir, 0o777)
	hook := func(name string, env ...string) specs.Hook {
		return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "env >" + name}, Env: env}
	}
	with := func(name string) []specs.Hook {
		return []specs.Hook{hook(name + "-none"), hook(name+"-some", "SOME=thing")}
	}
	b, pid := living(t, func(s *specs.Spec) {
		s.Root.Readonly = false
		s.Process.Env = hostile
		s.Process.Args = []string{"/bin/sleep", "300"}
		host := func(kind string) []specs.Hook { return with(dir + "/" + kind) }
		s.Hooks = &specs.Hooks{
			Prestart: host("prestart"), CreateRuntime: host("createRuntime"), CreateContainer: host("createContainer"),
			StartContainer: with("/tmp/startContainer"), Poststart: host("poststart"), Poststop: host("poststop"),
		}
	})
	trace := dir + "/trace"
	c := b.Cmd("exec")
	// -v shows the environment of each execve.
	c.Via = []string{"strace", "-f", "-v", "-qq", "-s", "300", "-e", "trace=execve,execveat", "-e", "signal=none", "-o", trace, "-E", "OWN=/evil"}
	process, err := json.Marshal(&specs.Process{Args: []string{"/bin/env"}, Cwd: "/", Env: hostile})
	if err != nil {
		t.Fatal(err)
	}
	b.Write(t, "../process.json", string(process), 0o644)
	c.Args = []string{"--root", b.Root, "exec", "--process", b.Dir + "/process.json", b.ID}
	r := c.Run(t)
	for _, e := range hostile {
		if !slices.Contains(strings.Split(r.Stdout, "\n"), e) {
			t.Errorf("the process lacks %s: %v", e, r)
		}
	}
	if r.Stderr != "" {
		t.Errorf("want nothing on stderr: %v", r)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	runtime, program := 0, 0
	for line := range strings.Lines(string(text)) {
		_, call, ok := strings.Cut(line, "exec")
		if !ok || strings.Contains(line, "resumed>") {
			continue
		}
		switch {
		case program == 0 && (strings.HasPrefix(call, `ve("`+harness.Runtime()) || strings.HasPrefix(call, "veat(") && strings.Contains(call, "AT_EMPTY_PATH")):
			runtime++
			if strings.Contains(call, "evil") != (runtime == 1) {
				t.Errorf("the runtime passes its own environment, or the container's, to itself: %s", line)
			}
		case strings.HasPrefix(call, `ve("/bin/env", `):
			program++
		default:
			t.Errorf("unexpected: %s", line)
		}
	}
	if runtime != 2 || program != 1 {
		t.Errorf("%d execs of the runtime and %d of the program, want 2 and 1:\n%s", runtime, program, text)
	}
	b.End(t, pid)
	for _, kind := range []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"} {
		where, none := dir+"/", ""
		if kind == "startContainer" { // a program of the container's, as its process is
			where = b.Rootfs + "/tmp/"
			none = strings.Join(append(hostile[:len(hostile):len(hostile)], "HOME=/root"), " ")
		}
		for suffix, want := range map[string]string{"-none": none, "-some": "SOME=thing"} {
			data, err := os.ReadFile(where + kind + suffix)
			if err != nil {
				t.Error(err)
			}
			var got []string
			for l := range strings.Lines(string(data)) {
				switch name, _, _ := strings.Cut(l, "="); name {
				case "PWD", "OLDPWD", "SHLVL", "_": // the shell's own
				case "PATH": // on the host the runtime's
					if strings.Contains(l, "evil") != (none != "" && suffix == "-none") {
						t.Errorf("%s%s hook had %s", kind, suffix, l)
					}
					if strings.Contains(l, "evil") {
						got = append(got, strings.TrimSpace(l))
					}
				default:
					got = append(got, strings.TrimSpace(l))
				}
			}
			wanted := strings.Fields(want)
			slices.Sort(got)
			slices.Sort(wanted)
			if !slices.Equal(got, wanted) {
				t.Errorf("%s%s hook had the environment %q, want %q", kind, suffix, got, want)
			}
		}
	}
}

// ofRuntime are variables of the runtime's own environment that change or end a
// program of Go's, if they are let.
var ofRuntime = []string{
	"GODEBUG=inittrace=1", "GODEBUG=schedtrace=1,scheddetail=1", "GODEBUG=gctrace=1,gcstoptheworld=2", "GODEBUG=madvdontneed=x", "GOTRACEBACK=crash",
	"GOGC=1", "GOGC=off", "GOGC=x", "GOMAXPROCS=1", "GOMAXPROCS=64", "GOMAXPROCS=x", "GOMEMLIMIT=1", "GOMEMLIMIT=x",
	"LD_PRELOAD=/evil.so", "_LIBCONTAINER_INITPIPE=3", "_LIBCONTAINER_LOGPIPE=2", "RUNG_FAULT=x", "LISTEN_FDS=x", "LISTEN_PID=x", "TMPDIR=/evil", "HOME=/evil",
}

// Whatever is in the runtime's environment, which engines hand on from theirs: it
// does the same, says nothing of it, takes no longer, and no process of the container
// sees it.
func TestRuntimeEnvironment(t *testing.T) {
	harness.NeedRung(t, "others let Go read it")
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/env"))
	want := b.Container(t, "run")
	want.Silent(t)
	other, pid := living(t)
	for _, e := range ofRuntime {
		t.Run(strings.ReplaceAll(e, "/", "_"), func(t *testing.T) {
			for _, c := range []*harness.Cmd{b.Cmd("run"), {Args: []string{"--root", other.Root, "exec", other.ID, "/bin/env"}}} {
				c.Env = []string{"PATH=" + os.Getenv("PATH"), e}
				r := c.Run(t)
				if r.Code != 0 || r.Stderr != "" || r.Stdout != want.Stdout {
					t.Errorf("want the environment %q and no word: %.600v", want.Stdout, r)
				}
				if r.Elapsed > want.Elapsed+2*time.Second {
					t.Errorf("took %v, and %v without it", r.Elapsed, want.Elapsed)
				}
			}
			b.Run(t, "delete", "--force", b.ID) // what a runtime that died left
		})
	}
	other.End(t, pid)
}
