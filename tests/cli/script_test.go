package cli

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A script has one bundle, $B, of the container $ID with its state in $ROOT;
// $ID-2 and so on are free for more containers of it.
type script struct {
	t  *testing.T
	b  *harness.Bundle
	bg *harness.Proc

	warns bool // the call may write to stderr
}

func newScript(t *testing.T) *script {
	return &script{t: t, b: harness.New(t)}
}

func (s *script) setup(env *testscript.Env) error {
	env.Setenv("ID", s.b.ID)
	env.Setenv("ROOT", s.b.Root)
	env.Setenv("B", s.b.Dir)
	env.Setenv("RUNTIME", harness.Runtime())
	return nil
}

// rt [exit=N] [env=K=V]... [bare] [warn] ARGS... calls the runtime, with --root $ROOT
// unless bare, and expects the exit code, by default 0, and nothing on stderr of a
// success unless warn. Its standard streams are then there for the commands stdout
// and stderr.
func (s *script) runtime(ts *testscript.TestScript, neg bool, args []string) {
	want, cmd := s.command(ts, args)
	r := cmd.Run(s.t)
	ts.Stdout().Write([]byte(r.Stdout))
	ts.Stderr().Write([]byte(r.Stderr))
	switch {
	case neg && r.Code == 0:
		ts.Fatalf("want a failure: %v", r)
	case !neg && r.Code != want:
		ts.Fatalf("want exit code %d: %v", want, r)
	case !neg && want == 0 && r.Stderr != "" && !s.warns:
		ts.Fatalf("want no word on stderr: %v", r)
	}
}

func (s *script) command(ts *testscript.TestScript, args []string) (want int, cmd *harness.Cmd) {
	cmd = &harness.Cmd{Dir: ts.MkAbs(".")}
	bare := false
	s.warns = false
	for len(args) > 0 {
		code, isCode := strings.CutPrefix(args[0], "exit=")
		entry, isEnv := strings.CutPrefix(args[0], "env=")
		switch {
		case isCode:
			var err error
			want, err = strconv.Atoi(code)
			ts.Check(err)
		case isEnv && entry == "":
			cmd.Env = []string{}
		case isEnv:
			cmd.Env = append(cmd.Env, entry)
		case args[0] == "bare":
			bare = true
		case args[0] == "warn":
			s.warns = true
		default:
			cmd.Args = args
			if !bare {
				cmd.Args = append([]string{"--root", s.b.Root}, args...)
			}
			return want, cmd
		}
		args = args[1:]
	}
	return want, cmd
}

// bg ARGS... calls the runtime and doesn't wait; waitbg N waits for exit code N.
func (s *script) background(ts *testscript.TestScript, _ bool, args []string) {
	_, cmd := s.command(ts, args)
	s.bg = cmd.Start(s.t)
}

func (s *script) waitBackground(ts *testscript.TestScript, _ bool, args []string) {
	r := s.bg.Wait(s.t)
	ts.Stdout().Write([]byte(r.Stdout))
	ts.Stderr().Write([]byte(r.Stderr))
	if strconv.Itoa(r.Code) != args[0] {
		ts.Fatalf("want exit code %s: %v", args[0], r)
	}
}

// bundle [FILE] [ARGS...] writes $B/config.json again: the template, changed by
// the JSON merge patch in FILE ("-": none), with ARGS as the process's.
func (s *script) bundle(ts *testscript.TestScript, _ bool, args []string) {
	spec := harness.Template(s.t)
	spec.Root.Path = "rootfs"
	spec.Linux.CgroupsPath = "/" + s.b.ID
	if len(args) > 1 {
		spec.Process.Args = args[1:]
	}
	data, err := json.Marshal(spec)
	ts.Check(err)
	var doc any
	ts.Check(json.Unmarshal(data, &doc))
	if len(args) > 0 && args[0] != "-" {
		var patch any
		ts.Check(json.Unmarshal([]byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), &patch))
		doc = merge(doc, patch)
	}
	data, err = json.Marshal(doc)
	ts.Check(err)
	ts.Check(os.WriteFile(s.b.Dir+"/config.json", data, 0o644))
}

// merge applies a JSON merge patch (RFC 7396).
func merge(doc, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	d, ok := doc.(map[string]any)
	if !ok {
		d = make(map[string]any)
	}
	for key, value := range p {
		if value == nil {
			delete(d, key)
		} else {
			d[key] = merge(d[key], value)
		}
	}
	return d
}

// waitstatus STATUS [ID] waits until the container has the status.
func (s *script) waitStatus(ts *testscript.TestScript, _ bool, args []string) {
	id := s.b.ID
	if len(args) > 1 {
		id = args[1]
	}
	var r *harness.Result
	for range 300 {
		r = s.b.Run(s.t, "state", id)
		if strings.Contains(r.Stdout, `"status": "`+args[0]+`"`) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("want status %s: %v", args[0], r)
}

// waitexit FILE STATUS waits for the process of a pid file, which is a child of
// the tests, and expects exit code STATUS, or 128 + the signal that ended it.
func (s *script) waitExit(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(ts.ReadFile(args[0]))
	ts.Check(err)
	code := 0
	switch ws := harness.Wait(s.t, pid); {
	case ws.Signaled():
		code = 128 + int(ws.Signal())
	default:
		code = ws.ExitStatus()
	}
	if strconv.Itoa(code) != args[1] {
		ts.Fatalf("process %d ended with %d, want %s", pid, code, args[1])
	}
}

// waitgone FILE waits for the process of a pid file, however it ended.
func (s *script) waitGone(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(ts.ReadFile(args[0]))
	ts.Check(err)
	harness.Wait(s.t, pid)
}

// waitps COMMAND... waits until the container has processes with these command
// lines.
func (s *script) waitPS(_ *testscript.TestScript, _ bool, args []string) { s.b.WaitPS(s.t, args...) }

// waitfile FILE PATTERN waits until a file, which a container writes, is there
// and matches.
func waitFile(ts *testscript.TestScript, _ bool, args []string) {
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	var text []byte
	for range 300 {
		if text, err = os.ReadFile(args[0]); err == nil && re.Match(text) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%s: want %q: %q, %v", args[0], args[1], text, err)
}

// digits FILE checks that a file has digits only, no line break, which are the
// id of a process.
func digits(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	pid, err := strconv.Atoi(text)
	if err != nil || !regexp.MustCompile(`^[0-9]+$`).MatchString(text) {
		ts.Fatalf("%s has %q, want digits only", args[0], text)
	}
	if err := unix.Kill(pid, 0); err != nil {
		ts.Fatalf("process %d: %v", pid, err)
	}
}

// jsonlog FILE TEXT checks that a log has one entry with level, msg and time,
// which engines read, and that msg contains TEXT.
func jsonLog(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	var entry struct {
		Level, Msg string
		Time       time.Time
	}
	if err := json.Unmarshal([]byte(text), &entry); err != nil || strings.Count(text, "\n") != 1 {
		ts.Fatalf("log: want one JSON object on one line, podman reads no more: %v: %q", err, text)
	}
	if entry.Level != "error" || entry.Time.IsZero() || !strings.Contains(entry.Msg, args[1]) {
		ts.Fatalf("log: want level error, a time and %q: %s", args[1], text)
	}
}
