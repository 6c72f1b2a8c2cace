package sweep

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// killedCode is how a call ends that was killed.
const killedCode = 128 + int(unix.SIGKILL)

// crashed tells whether the call had no time to undo: it was killed, or failed in the Go runtime's own hands.
func crashed(f *fault, out *outcome) bool { return out.code == killedCode || out.code != 0 && ofGo(f) }

// line is one of the runtime's log, whose message is some words.
var line = regexp.MustCompile(`^time="[^"]+" level=(error|warning) msg="(?:[^"\\]|\\.)+ (?:[^"\\]|\\.)+"`)

// said judges what the call has said and how it has ended.
func (s *sweep) said(f *fault, out *outcome) string {
	crash := strings.Contains(out.stderr, "goroutine ") || strings.Contains(out.stderr, "fatal error") || strings.Contains(out.stderr, "panic")
	switch {
	case out.hung:
		return "it hangs"
	case out.reached && f.errno == 0 && f.at.who == 0:
		if out.code != killedCode {
			return "it wasn't killed"
		}
		return ""
	case out.reached && ofGo(f):
		return "" // the Go runtime's own words
	case crash:
		return "it crashes"
	}
	errors := 0
	for text := range strings.Lines(out.stderr) {
		found := line.FindStringSubmatch(text)
		if found == nil && s.verb.others && strings.Contains(text, "container "+s.b.ID+": ") {
			continue
		} else if found == nil {
			return fmt.Sprintf("no line of the log: %.200q", text)
		}
		if found[1] == "error" {
			errors++
		}
	}
	switch {
	case out.code == 0 && errors > 0:
		return "an error without a code"
	case out.code != 0 && errors != 1:
		return fmt.Sprintf("%d lines of errors, want one", errors)
	case out.code != 0 && out.code != s.verb.code():
		return fmt.Sprintf("code %d, want %d", out.code, s.verb.code())
	}
	return ""
}

// code is the exit code of an error.
func (v *verb) code() int {
	if v.name == "exec" {
		return 255
	}
	return 1
}

// after judges the container, what is left once it is deleted, and the host.
func (s *sweep) after(t *testing.T, f *fault, out *outcome, whole bool) (problem string) {
	t.Helper()
	harness.Reap()
	problem = s.container(t, f, out)
	for _, more := range []string{s.streams(f, out), s.undone(f, out)} {
		if problem == "" {
			problem = more
		}
	}
	r := s.delete(t)
	s.console.drop()
	s.agent.drop() // which keeps the session keyring of who made the filter
	if r.Code != 0 {
		return fmt.Sprintf("%s; delete --force: %v", problem, r)
	}
	if left := s.left(); left != "" {
		s.scrub()
		return problem + "; left: " + left
	}
	if s.host != nil {
		differs := s.host.differs(s.look())
		if differs != "" { // others on the machine come and go meanwhile: what stays isn't theirs
			time.Sleep(50 * time.Millisecond)
			differs = s.host.differs(s.look())
		}
		if differs != "" {
			s.host = s.look()
			return problem + "; the host: " + differs
		}
	}
	if whole {
		if left := s.inv.Left(s.b); len(left) > 0 {
			return problem + strings.Join(left, "; ")
		}
	}
	return problem
}

// delete removes the container, whatever it is. Meanwhile orphans are reaped, as engines do: a first process can't end before
// those of its namespace have, and whoever a killed exec has left is our child.
func (s *sweep) delete(t *testing.T) *harness.Result {
	t.Helper()
	p := (&harness.Cmd{Args: []string{"--root", s.b.Root, "delete", "--force", s.b.ID}, Via: s.b.Via}).Start(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			for _, pid := range harness.Children(os.Getpid()) {
				if pid != p.Process.Pid && !s.children[pid] {
					_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
				}
			}
		}
	}()
	r := p.Wait(t)
	close(stop)
	<-stopped
	return r
}

// container judges its state. What has crashed may leave any, but one that is defined.
func (s *sweep) container(t *testing.T, f *fault, out *outcome) string {
	t.Helper()
	is, r := s.b.Status(t)
	want := s.verb.good
	switch {
	case is == "":
		return fmt.Sprintf("the state is undefined: %v", r)
	case crashed(f, out):
		return ""
	case out.code != 0:
		want = s.verb.bad
	}
	if !allowed(is, want) {
		return fmt.Sprintf("the container is %s, want %s", is, want)
	}
	return ""
}

// streams judges the caller's terminal, which nobody can set back who was killed, or who can't set it.
func (s *sweep) streams(f *fault, out *outcome) string {
	if s.tty != nil && s.tty.changed() && !crashed(f, out) && f.at.nr != unix.SYS_IOCTL {
		return "the caller's terminal has other modes"
	}
	return ""
}

// undone judges what a create that has failed took back: the pid file, and the network device.
func (s *sweep) undone(f *fault, out *outcome) string {
	defer os.Remove(s.pidFile())
	if crashed(f, out) {
		// It is written beside its place, to be there at once and whole, and whoever dies meanwhile leaves that.
		torn, _ := filepath.Glob(filepath.Join(filepath.Dir(s.pidFile()), ".pid.*"))
		for _, name := range torn {
			os.Remove(name)
		}
	}
	if s.verb.name != "create" || out.code == 0 || crashed(f, out) {
		return ""
	}
	if _, err := os.Stat(s.pidFile()); err == nil {
		return "the pid file is there"
	}
	if now := interfaces()[device]; s.network && now != s.device {
		return fmt.Sprintf("the network device was %s, is %q", s.device, now)
	}
	return ""
}

// left is what there is of the container and of the call, once that has had time to go: the kernel ends processes and
// empties cgroups when it comes to it.
func (s *sweep) left() string {
	var left []string
	for end := time.Now().Add(harness.Patience(10 * time.Second)); ; time.Sleep(2 * time.Millisecond) {
		harness.Reap()
		left = left[:0]
		for _, pid := range harness.Children(os.Getpid()) {
			if !s.children[pid] {
				name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				left = append(left, fmt.Sprintf("process %d %q", pid, name))
			}
		}
		for _, dir := range harness.CgroupDirs(s.cgroup) {
			if _, err := os.Stat(dir); err == nil {
				left = append(left, dir)
			}
		}
		_ = filepath.WalkDir(s.b.Root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && path != s.b.Root && !strings.HasPrefix(path, s.b.Root+"/.") {
				left = append(left, path)
			}
			return nil
		})
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, ", ")
		}
	}
}

// scrub removes what a call has left that shouldn't: so that others can be tried.
func (s *sweep) scrub() {
	for _, pid := range harness.Children(os.Getpid()) {
		if !s.children[pid] {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	harness.Reap()
	for _, dir := range harness.CgroupDirs(s.cgroup) {
		_ = harness.Rmdir(dir)
	}
	_ = os.RemoveAll(filepath.Join(s.b.Root, s.b.ID))
}
