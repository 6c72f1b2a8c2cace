package differ

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/report"
)

// containerID is the id of every container of this process: both runtimes get the same.
var containerID = "differ-" + strconv.Itoa(os.Getpid())

// A Runtime is one of the two that are compared.
type Runtime struct{ Name, Path string }

// A living is a case on a runtime, while it runs.
type living struct {
	*rig
	c      *Case
	rt     Runtime
	s      *Sight
	naming *naming
	before []report.Mount // mounts of our mount namespace
	main   *call          // the call whose stdio the container has
	pid    int
	serial int
	exit   string   // how the first process ended
	used   []string // command lines, for who wants to do it by hand
}

// live runs a case on a runtime and says what was seen.
func live(r *rig, c *Case, rt Runtime) (s *Sight, commands []string) {
	s = new(Sight)
	defer func(begin time.Time) { s.Took = time.Since(begin) }(time.Now())
	l := &living{rig: r, c: c, rt: rt, s: s, before: ownMounts()}
	if err := r.set(c, containerID); err != nil {
		s.Add("rig", "%v", err)
		r.clear()
		return s, nil
	}
	l.naming = hostNaming()
	if r.holderPID != 0 {
		l.naming.own(fmt.Sprintf("/proc/%d", r.holderPID), "holder")
	}
	if c.Life.List {
		l.do("list without a root", "list", "--quiet")
	}
	if c.Life.Verb == "run" {
		l.foreground()
	} else {
		l.detached()
	}
	l.aftermath()
	return s, l.used
}

// start makes the call of a verb.
func (l *living) start(verb string, args ...string) start {
	argv := []string{l.rt.Path, "--root", l.state}
	argv = append(append(argv, l.c.Life.Global...), verb)
	argv = append(argv, args...)
	for i := range argv {
		argv[i] = l.resolve(argv[i], containerID)
	}
	l.used = append(l.used, strings.Join(argv, " "))
	l.serial++
	o := start{
		name: verb + strconv.Itoa(l.serial), argv: argv, dir: l.dir, umask: l.c.Life.Umask, fsize: l.c.Life.FileSize,
		env: l.c.Life.Environ, setsid: l.c.Life.Sessions,
	}
	return o
}

// do makes a call, waits for it, and adds its exit code.
func (l *living) do(key, verb string, args ...string) (code int, out string) {
	return l.finish(key, l.start(verb, args...))
}

func (l *living) finish(key string, o start) (code int, out string) {
	p, err := l.begin(o)
	if err != nil {
		l.s.Add("do "+key, "%v", err)
		return -1, ""
	}
	code = p.wait()
	l.outcome(key, p, code)
	return code, p.output()
}

// outcome adds how a call ended.
func (l *living) outcome(key string, p *call, code int) {
	if p.hung {
		l.s.Add("do "+key, "hangs")
	} else {
		l.s.Add("do "+key, "exit %d", code)
	}
	if text := p.complaint(); text != "" && p.console == nil {
		l.s.Texts = append(l.s.Texts, key+": "+complaint(text))
	}
}

// complaint is what of a runtime's words matters: no debug messages, no traces.
func complaint(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "level=debug") && !strings.Contains(line, "level=info") && !strings.Contains(line, `"level":"debug"`) {
			lines = append(lines, strings.TrimSpace(line))
		}
		if len(lines) == 4 {
			break
		}
	}
	return strings.Join(lines, " | ")
}

// creation is the call of run or create.
func (l *living) creation(verb string, detach bool) start {
	args := append([]string{"--pid-file", l.dir + "/pid"}, l.c.Life.Flags...)
	if detach {
		args = append(args, "--detach")
	}
	if l.c.Life.Cwd == "" {
		args = append(args, "--bundle", l.bundle)
	}
	o := l.start(verb, append(args, containerID)...)
	if l.c.Life.Cwd != "" {
		o.dir = l.resolve(l.c.Life.Cwd, containerID)
	}
	o.files, o.stdin = l.c.Life.Files, !l.c.Life.NoStdin
	return o
}

// foreground is `run`.
func (l *living) foreground() {
	o := l.creation("run", false)
	o.tty = l.c.terminal()
	p, err := l.begin(o)
	if err != nil {
		l.s.Add("do run", "%v", err)
		return
	}
	l.main = p
	if l.await(p, p.output, 0) {
		l.pid = pidIn(l.dir + "/pid")
		l.meet()
		l.forward(p)
	}
	p.release()
	code := p.wait()
	if p.console != nil {
		p.console.close()
		l.s.Texts = append(l.s.Texts, "terminal: "+lastWords(p.output()))
	}
	l.outcome("run", p, code)
	l.report("", p.output())
	l.do("state after run", "state", containerID)
}

// forward signals a foreground run, which passes the signal on.
func (l *living) forward(p *call) {
	if sig := l.c.Life.Forward; sig != "" {
		_ = p.cmd.Process.Signal(unix.SignalNum("SIG" + sig))
		time.Sleep(60 * time.Millisecond)
	}
}

// lastWords are the lines of a terminal after the program's report.
func lastWords(text string) string {
	text = strings.ReplaceAll(text, "\r", "")
	_, rest, found := strings.Cut(text, "END\n")
	if !found {
		rest = text
	}
	return strings.TrimSpace(rest)
}

// detached is `create` and `start`, or `run --detach`.
func (l *living) detached() {
	verb := "create"
	if l.c.Life.Verb == "detached" {
		verb = "run"
	}
	o := l.creation(verb, verb == "run")
	var sock *receiver
	if l.c.terminal() {
		var err error
		if sock, err = listen(l.dir + "/s"); err != nil {
			l.s.Add("console socket", "%v", err)
			return
		}
		defer unix.Close(sock.fd)
		at := slices.Index(o.argv, verb) + 1
		o.argv = slices.Insert(o.argv, at, "--console-socket", l.dir+"/s")
	}
	p, err := l.begin(o)
	if err != nil {
		l.s.Add("do "+verb, "%v", err)
		return
	}
	l.main = p
	code := p.wait()
	l.outcome(verb, p, code)
	if code != 0 {
		l.s.Failed = true
		p.release()
		l.do("delete of what failed", "delete", containerID)
		return
	}
	l.pid = pidIn(l.dir + "/pid")
	if sock != nil {
		if f := sock.take(); f != nil {
			p.console = newConsole(f)
			defer p.console.close()
		}
		l.s.Add("console", "%v", p.console != nil)
	}
	l.begun(p, verb)
}

// begun is the life of a detached container from its creation.
func (l *living) begun(p *call, verb string) {
	out := p.output
	started := true
	if verb == "create" {
		l.showState("created")
		(&looker{s: l.s, prefix: "created ", pid: l.pid, naming: l.naming}).namespaces()
		if l.c.Life.PS {
			_, text := l.do("ps created", "ps", containerID)
			l.s.Add("ps created lines", "%d", strings.Count(text, "\n"))
		}
		if sig := l.c.Life.KillNew; sig != "" {
			l.do("kill created", "kill", containerID, sig)
			started = false
		} else {
			code, _ := l.do("start", "start", containerID)
			started = code == 0
		}
	}
	if started && l.await(p, out, l.pid) {
		l.meet()
		if sig := l.c.Life.Kill; sig != "" && !l.c.Life.NoStdin {
			l.do("kill", "kill", containerID, sig)
			l.ends(60 * time.Millisecond)
		}
	}
	p.release()
	l.ended()
	if started {
		l.report("", out())
	}
	l.showState("ended")
	args := []string{containerID}
	if l.c.Life.Force {
		args = append([]string{"--force"}, args...)
	}
	l.do("delete", "delete", args...)
	l.do("state after delete", "state", containerID)
}

// ended waits for the end of the container and adds its exit code.
func (l *living) ended() {
	limit := endTimeout
	if l.c.Life.KillNew != "" {
		limit = time.Second
	}
	status, ok := l.ends(limit)
	if !ok {
		l.s.Add("exit", "lives on")
		unix.Kill(l.pid, unix.SIGKILL)
		l.ends(endTimeout)
		return
	}
	l.s.Add("exit", "%s", status)
}

// ends waits for the first process, which is our child since its parent has gone.
func (l *living) ends(limit time.Duration) (status string, ok bool) {
	if l.pid <= 0 {
		return "no pid", true
	}
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(l.pid, &ws, unix.WNOHANG, nil)
		switch {
		case err == unix.ECHILD && l.exit != "":
			return l.exit, true
		case err == unix.ECHILD:
			return "not ours", true
		case pid == l.pid && ws.Signaled():
			l.exit = fmt.Sprintf("signal %d", ws.Signal())
			return l.exit, true
		case pid == l.pid:
			l.exit = fmt.Sprintf("code %d", ws.ExitStatus())
			return l.exit, true
		}
		if time.Now().After(end) {
			return "", false
		}
	}
}

// showState adds what the state command says.
func (l *living) showState(when string) {
	code, out := l.do("state "+when, "state", containerID)
	if code == 0 {
		hookState(l.s, "when "+when+" ", out)
	}
}

// await waits for the end of the report; pid, unless 0, is who writes it.
func (l *living) await(p *call, out func() string, pid int) bool {
	for end := time.Now().Add(endTimeout); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if complete(out()) {
			return true
		}
		if pid == 0 && p.ended() || pid != 0 && gone(pid) {
			return complete(out())
		}
	}
	l.s.Add("report", "doesn't come")
	return false
}

// complete reports whether the program inside has said all. A terminal adds one
// carriage return, two of them two.
func complete(text string) bool {
	return strings.Contains(strings.ReplaceAll(text, "\r", ""), "END\n")
}

// gone reports whether a process has ended.
func gone(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

func (l *living) report(prefix, text string) {
	if !inside(l.s, prefix, text) {
		l.s.Add(prefix+"report", "none")
		l.s.Failed = l.s.Failed || prefix == ""
	}
}

// meet is what happens while the program inside waits.
func (l *living) meet() {
	if l.c.Life.NoStdin {
		return // it has ended, or will at any moment
	}
	l.s.Add("pid file", "%v", l.pid > 0)
	if l.pid <= 0 {
		return
	}
	(&looker{s: l.s, prefix: "", pid: l.pid, naming: l.naming}).all(true)
	if l.c.Spec.Linux != nil {
		cgroupFiles(l.s, cgroupPath(l.c))
	}
	l.showState("running")
	if l.c.Life.List {
		_, text := l.do("list", "list", "--quiet")
		l.s.Add("list says", "%s", strings.TrimSpace(text))
	}
	if l.c.Life.Pause {
		l.do("pause", "pause", containerID)
		l.showState("paused")
		l.do("resume", "resume", containerID)
		l.showState("resumed")
	}
	for i := range l.c.Life.Execs {
		l.exec(i, &l.c.Life.Execs[i])
	}
}

// cgroupPath is where the configuration wants its cgroup.
func cgroupPath(c *Case) string {
	if path := c.Spec.Linux.CgroupsPath; path != "" {
		return resolve(path, map[string]string{atID: containerID})
	}
	return "/" + containerID
}

// pidIn waits for a pid file, which may be written when the program runs already.
func pidIn(path string) int {
	for range 2000 {
		data, _ := os.ReadFile(path)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			return pid
		}
		time.Sleep(time.Millisecond)
	}
	return 0
}

// specText is config.json, unresolved.
func specText(c *Case) string {
	data, err := json.MarshalIndent(c.Spec, "", "\t")
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(data)
}
