package hook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func sh(script string) *specs.Hook {
	return &specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
}

// run runs the hook and fails the test if that takes longer than ten seconds.
func run(t *testing.T, h *specs.Hook, state string) (took time.Duration, err error) {
	t.Helper()
	start, done := time.Now(), make(chan error, 1)
	go func() { done <- Run(h, state, Place{}.Start, Until{}) }()
	select {
	case err := <-done:
		return time.Since(start), err
	case <-time.After(10 * time.Second):
		t.Fatalf("%v hangs", h.Args)
		return 0, nil
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		h    *specs.Hook
		want string
	}{
		{sh("exit 0"), ""},
		{sh("echo fine; echo too >&2"), ""},
		{sh("exit 3"), "exit status 3"},
		{sh("echo out; echo err >&2; exit 1"), "exit status 1, output: out; err"},
		{sh("printf '  one\n\n two \n'; exit 255"), "exit status 255, output: one; ;  two"},
		{sh("kill -9 $$"), "signal: killed"},
		{sh("echo bye; kill -TERM $$"), "signal: terminated, output: bye"},
		{sh("exec >&- 2>&-; exit 4"), "exit status 4"},
		{&specs.Hook{Path: "/bin/true"}, ""}, // without args argv[0] is the path
		{&specs.Hook{Path: "/nonexistent"}, "start /nonexistent: no such file or directory"},
		{&specs.Hook{Path: plain}, "start " + plain + ": permission denied"},
		{&specs.Hook{Path: dir}, "start " + dir + ": permission denied"},
	} {
		_, err := run(t, tt.h, "{}")
		if text(err) != tt.want {
			t.Errorf("Run(%s %q) = %q, want %q", tt.h.Path, tt.h.Args, text(err), tt.want)
		}
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

// The state comes on stdin, byte for byte, also one that no pipe would hold.
func TestState(t *testing.T) {
	for _, state := range []string{"", "{}", State{`{"pid":`, "}"}.JSON(4711), strings.Repeat("a b\n", 1<<16)} {
		out := filepath.Join(t.TempDir(), "out")
		if _, err := run(t, sh("cat > "+out), state); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(out); string(got) != state {
			t.Errorf("read %d bytes, %v, want %d", len(got), err, len(state))
		}
	}
	// A hook that doesn't read it isn't waited for.
	if _, err := run(t, sh("exit 0"), strings.Repeat("x", 1<<20)); err != nil {
		t.Error(err)
	}
	if got := (State{`{"pid":`, "}"}).JSON(12); got != `{"pid":12}` {
		t.Errorf("JSON = %s", got)
	}
}

// A hook has its own environment and nothing of ours: no variable, no
// descriptor, not our process group.
func TestSurroundings(t *testing.T) {
	t.Setenv("SECRET", "1")
	out := filepath.Join(t.TempDir(), "out")
	leak, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	script := `tr '\0' '\n' < /proc/self/environ > ` + out + `; echo fds $(ls /proc/$$/fd | wc -l) >> ` + out + `; ps -o pgid= -p $$ 2>/dev/null >> ` + out
	for _, tt := range []struct {
		env  []string
		want string
	}{{nil, "fds"}, {[]string{}, "fds"}, {[]string{"A=1", "B=2 3"}, "A=1\nB=2 3\nfds"}} {
		h := &specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: tt.env}
		if _, err := run(t, h, ""); err != nil {
			t.Fatal(err)
		}
		got, _ := os.ReadFile(out)
		var lines []string
		for _, l := range strings.Split(string(got), "\n") {
			if !strings.HasPrefix(l, "PWD=") && !strings.HasPrefix(l, "_=") && !strings.HasPrefix(l, "OLDPWD=") { // the shell's own
				lines = append(lines, l)
			}
		}
		if g := strings.Join(lines, "\n"); !strings.HasPrefix(g, tt.want) {
			t.Errorf("environment of %q: %q, want %q", tt.env, g, tt.want)
		}
	}
	// argv is exactly what is configured.
	h := &specs.Hook{Path: "/bin/sh", Args: []string{"another name", "-c", `printf %s "$0-$#" > ` + out, "zero", "a b", ""}}
	if _, err := run(t, h, ""); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out); string(got) != "zero-2" {
		t.Errorf("arguments = %q", got)
	}
	// The descriptors are 0, 1 and 2.
	if _, err := run(t, sh("ls /proc/self/fd > "+out+".fds"), ""); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out + ".fds"); len(strings.Fields(string(got))) != 4 { // and ls's own
		t.Errorf("descriptors = %q", strings.Fields(string(got)))
	}
}

// alive tells whether a process lives and isn't a zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func gone(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 2 {
		t.Fatalf("pid %q: %v", b, err)
	}
	for deadline := time.Now().Add(3 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("process %d of the hook still lives", pid)
			unix.Kill(pid, unix.SIGKILL)
			return
		}
	}
}

// After its timeout a hook is killed with what it has started, whatever it
// ignores, and what it printed is told.
func TestTimeout(t *testing.T) {
	one := 1
	for name, script := range map[string]string{
		"sleeps":          "echo started; sleep 60 & echo $! > %s; sleep 60",
		"ignores":         "trap '' TERM INT HUP; echo started; sleep 60 & echo $! > %s; while :; do sleep 60; done",
		"closes":          "echo started; exec >&- 2>&-; sleep 60 & echo $! > %s; sleep 60",
		"prints for ever": "echo started; sleep 60 & echo $! > %s; yes started",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			h := sh(fmt.Sprintf(script, file))
			h.Timeout = &one
			took, err := run(t, h, "{}")
			if want := "/bin/sh: timed out after 1 s, output: started"; !strings.HasPrefix(text(err), want) || len(text(err)) > 2*maxOutput {
				t.Errorf("Run = %.200s, want %s", text(err), want)
			}
			if took < 990*time.Millisecond || took > 2500*time.Millisecond {
				t.Errorf("took %v, want about 1 s", took)
			}
			gone(t, file)
		})
	}
}

// A child that lives on with the pipes open doesn't keep us, with or without a
// timeout, and isn't killed.
func TestDaemon(t *testing.T) {
	five := 5
	for _, timeout := range []*int{nil, &five} {
		file := filepath.Join(t.TempDir(), "pid")
		h := sh("echo output; sleep 30 & echo $! > " + file + "; exit 2")
		h.Timeout = timeout
		took, err := run(t, h, "{}")
		if text(err) != "exit status 2, output: output" || took > 2*time.Second {
			t.Errorf("Run = %v after %v", err, took)
		}
		b, _ := os.ReadFile(file)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		if pid < 2 || !alive(pid) {
			t.Errorf("the child %d was killed", pid)
			continue
		}
		unix.Kill(pid, unix.SIGKILL)
	}
}

// The end of the output is kept, and all of what was written before the end is
// seen.
func TestOutput(t *testing.T) {
	_, err := run(t, sh("seq 1 200000; exit 1"), "{}")
	got := text(err)
	if !strings.HasPrefix(got, "exit status 1, output: ") || !strings.HasSuffix(got, "199999; 200000") || len(got) > 2*maxOutput {
		t.Errorf("Run = %d bytes, ending %q", len(got), got[max(0, len(got)-40):])
	}
	_, err = run(t, sh("printf %0100d 7; exit 1"), "{}")
	if want := "exit status 1, output: " + strings.Repeat("0", 99) + "7"; text(err) != want {
		t.Errorf("Run = %q, want %q", text(err), want)
	}
	for _, n := range []int{maxOutput - 1, maxOutput, maxOutput + 1, 2*maxOutput + 1} {
		if got := len(oneLine([]byte(strings.Repeat("x", n)))); got != min(n, maxOutput) {
			t.Errorf("oneLine of %d bytes = %d", n, got)
		}
	}
}

func TestRunAll(t *testing.T) {
	dir := t.TempDir()
	hooks := []specs.Hook{*sh("touch " + dir + "/0"), *sh("touch " + dir + "/1; exit 9"), *sh("touch " + dir + "/2")}
	err := RunAll("poststart", hooks, "{}", Place{}.Start, Until{})
	if want := "error running poststart hook #1: exit status 9"; text(err) != want {
		t.Errorf("RunAll = %v, want %s", err, want)
	}
	for i, want := range []bool{true, true, false} {
		if _, err := os.Stat(fmt.Sprintf("%s/%d", dir, i)); (err == nil) != want {
			t.Errorf("hook %d ran: %v, want %v", i, err == nil, want)
		}
	}
	if err := RunAll("x", nil, "", nil, Until{}); err != nil {
		t.Errorf("RunAll of nothing = %v", err)
	}
}

// Whoever spawns may fail; nothing is left open.
func TestSpawnFails(t *testing.T) {
	same := testbed.Same(t, os.Getpid())
	bad := errors.New("no")
	err := Run(&specs.Hook{Path: "/p"}, "{}", func(*specs.Hook, int, int) (int, int, error) { return 0, -1, bad }, Until{})
	if !errors.Is(err, bad) || text(err) != "start /p: no" {
		t.Errorf("Run = %v", err)
	}
	_, _ = run(t, sh("exit 1"), "{}")
	same()
}
