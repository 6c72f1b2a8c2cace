package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// onTerminal is a top that draws on a terminal.
type onTerminal struct {
	*harness.Proc
	pty           *harness.PTY
	width, height int
	before        unix.Termios
	id            string
}

func startTop(t *testing.T, b *harness.Bundle, width, height int, args ...string) *onTerminal {
	t.Helper()
	return startTopBy(t, b, width, height, nil, args...)
}

// startTopBy starts it by another program.
func startTopBy(t *testing.T, b *harness.Bundle, width, height int, via []string, args ...string) *onTerminal {
	t.Helper()
	pty, slave := harness.OpenPTY(t)
	pty.Resize(t, uint16(height), uint16(width))
	top := &onTerminal{pty: pty, width: width, height: height, id: b.ID}
	top.before = top.mode(t)
	c := &harness.Cmd{Args: append([]string{"--root", b.Root, "top", "--interval", "100ms"}, args...), Stdin: slave, TTY: true, Via: via}
	c.Env = []string{"PATH=/usr/bin:/bin", "TERM=xterm", "LANG=C.UTF-8"}
	top.Proc = c.Start(t)
	slave.Close()
	return top
}

func (p *onTerminal) mode(t *testing.T) unix.Termios {
	t.Helper()
	tio, err := unix.IoctlGetTermios(int(p.pty.File.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *tio
}

// shows waits for a screen, which is whole, with a text, and returns it.
func (p *onTerminal) shows(t *testing.T, text string) string {
	t.Helper()
	var screen string
	for end := time.Now().Add(harness.Patience(harness.Never)); time.Now().Before(end); {
		// What comes after the last beginning of a frame may be half of it.
		out := p.pty.More(t, 20*time.Millisecond)
		last := strings.LastIndex(out, "\x1b[H")
		if last < 0 {
			continue
		}
		g := newGrid(p.width, p.height)
		begin := strings.LastIndex(out[:last], "\x1b[H")
		g.feed(t, out[max(begin, 0):last])
		// A frame that is too wide is of the size that the terminal had before.
		if screen = g.String(); begin >= 0 && !g.long && strings.Contains(screen, text) {
			return screen
		}
	}
	t.Fatalf("no screen with %q in time, the last one is\n%s", text, screen)
	return ""
}

// ends waits for the end, and looks whether the terminal is as it was.
func (p *onTerminal) ends(t *testing.T, code int) {
	t.Helper()
	out := p.pty.All(t) // first: a terminal that nobody reads holds who draws
	r := p.Wait(t)
	if r.Code != code {
		t.Errorf("want exit code %d: %v, %q", code, r, out[max(0, len(out)-500):])
	}
	g := newGrid(500, 500)
	g.feed(t, out)
	if g.shown || !g.cursor || !g.wraps || p.mode(t) != p.before {
		t.Errorf("the terminal isn't as it was: %q", out[max(0, len(out)-100):])
	}
}

// Screens of a container that waits for start, and what keys make of them.
func TestTopScreens(t *testing.T) {
	if !harness.IsRung() {
		t.Skip("only rung has top")
	}
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	b.Container(t, "create").Silent(t)
	p := startTop(t, b, 110, 12)
	p.shows(t, " 0.0 ")
	golden(t, "top-table", steady(p.shows(t, "every 100ms"), b))
	p.pty.Type(t, "?")
	golden(t, "top-help", steady(p.shows(t, "this help"), b))
	p.pty.Type(t, "?s")
	golden(t, "top-throttling", steady(p.shows(t, "THR%<"), b))
	p.pty.Type(t, "r ")
	golden(t, "top-reversed", steady(p.shows(t, "stands still"), b))
	p.pty.Type(t, " ")
	p.height = 30
	p.pty.Resize(t, 30, 110)
	p.pty.Type(t, "\x1b[B\r")
	golden(t, "top-history", steady(p.shows(t, "OOM kills"), b))
	p.pty.Type(t, "\x1b")
	p.width, p.height = 62, 8
	p.pty.Resize(t, 8, 62)
	golden(t, "top-narrow", steady(p.shows(t, "container(s)"), b))

	// There is no shell that could continue it: it doesn't stop.
	p.pty.Type(t, "\x1a")
	p.pty.Type(t, "?")
	p.shows(t, "this help")
	p.pty.Type(t, "q")
	p.ends(t, 0)
	b.Must(t, "delete", "--force")
	b.ReapAll(t)
}

// Of a shell that controls jobs it stops as other programs do, and goes on.
func TestTopStops(t *testing.T) {
	if !harness.IsRung() {
		t.Skip("only rung has top")
	}
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	b.Container(t, "create").Silent(t)
	p := startTopBy(t, b, 110, 12, []string{"sh", "-mc", `"$@"; echo "stopped by $?"; stty -a | tr " ;" "\n\n" | grep -x -- "-*icanon"; fg >/dev/null; echo "ended by $?"`, "sh"})
	p.shows(t, "container(s)")
	p.pty.Type(t, "\x1a")
	says := func(text string) (all string) {
		harness.Until(t, "the shell says "+text, func() bool {
			all = p.pty.More(t, 20*time.Millisecond)
			return strings.Contains(all, text)
		})
		return all
	}
	all := says("icanon\r\n")
	if !strings.Contains(all, fmt.Sprintf("stopped by %d\r\nicanon\r\n", 128+int(unix.SIGTSTP))) {
		t.Errorf("it hasn't stopped with the terminal as it was: %q", all[max(0, len(all)-300):])
	}
	p.pty.Type(t, "?")
	p.shows(t, "this help")
	p.pty.Type(t, "q")
	says("ended by 0\r\n")
	p.Wait(t)
	b.Must(t, "delete", "--force")
	b.ReapAll(t)
}

// However it ends, the terminal is as it was.
func TestTopEnds(t *testing.T) {
	if !harness.IsRung() {
		t.Skip("only rung has top")
	}
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT} {
		p := startTop(t, b, 80, 10)
		p.shows(t, "0 container(s)")
		p.Process.Signal(sig)
		p.ends(t, 128+int(sig))
	}
	p := startTop(t, b, 80, 10)
	p.shows(t, "0 container(s)")
	p.pty.Type(t, "\x03")
	p.ends(t, 128+int(unix.SIGINT))
	startTop(t, b, 80, 10, "--iterations", "3").ends(t, 0)

	b.Container(t, "create").Silent(t)
	p = startTop(t, b, 80, 10, b.ID)
	p.shows(t, "1 container(s)")
	b.Must(t, "delete", "--force")
	p.ends(t, 0)
	b.ReapAll(t) // who has ended: not before p has been waited for

	p = startTop(t, b, 80, 10) // its terminal goes
	p.shows(t, "0 container(s)")
	p.pty.File.Close()
	if r := p.Wait(t); r.Code != 128+int(unix.SIGHUP) && r.Code != 0 && r.Code != 1 {
		t.Errorf("without a terminal: %v", r)
	}
}

// Who reads the stream may go.
func TestTopBrokenPipe(t *testing.T) {
	if !harness.IsRung() {
		t.Skip("only rung has top")
	}
	b := harness.New(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := (&harness.Cmd{Args: []string{"--root", b.Root, "top", "--interval", "50ms", "--format", "json"}, Stdout: w}).Start(t)
	w.Close()
	if line, err := bufio.NewReader(r).ReadString('\n'); err != nil || !json.Valid([]byte(line)) {
		t.Errorf("%q, %v", line, err)
	}
	r.Close()
	if got := p.Wait(t); got.Code != 128+int(unix.SIGPIPE) {
		t.Errorf("%v", got)
	}
}

// Containers of runc and crun are shown as rung's are.
func TestTopOfOthers(t *testing.T) {
	if !harness.IsRung() {
		t.Skip("only rung has top")
	}
	others := map[string]string{"runc": "/usr/sbin/runc"}
	if harness.View() != "hybrid" { // which crun refuses
		others["crun"] = "/usr/bin/crun"
	}
	run := filepath.Join(harness.TempDir(t), "run")
	for name, path := range others {
		if _, err := os.Stat(path); err != nil {
			t.Logf("there is no %s", path)
			continue
		}
		b := harness.New(t, harness.Args("/bin/sleep", "60"))
		b.Spec.Linux.Resources, b.Spec.Process.Rlimits, b.Spec.Process.Capabilities.Ambient = nil, nil, nil // crun raises a limit for devices
		b.Spec.Version = "1.0.2"                                                                            // Debian 12's crun knows no later one
		b.Save(t)
		root := filepath.Join(run, name)
		call := func(args ...string) {
			t.Helper()
			if r := (&harness.Cmd{Args: append([]string{"--root", root}, args...), Program: path}).Run(t); r.Code != 0 {
				t.Fatal(r)
			}
		}
		call("create", "--bundle", b.Dir, b.ID)
		look := func(status string) {
			t.Helper()
			r := b.Run(t, "top", "--once", "--format", "json", "--also", run+"/*")
			r.Silent(t)
			if !strings.Contains(r.Stdout, `{"id":"`+b.ID+`","root":"`+root+`","status":"`+status+`","pid":`) ||
				!strings.Contains(r.Stdout, `"cpu":{"percent":`) || !strings.Contains(r.Stdout, `"pids":{"current":`) {
				t.Errorf("%s: want %s: %v", name, status, r)
			}
		}
		look("created")
		call("start", b.ID)
		look("running")
		call("pause", b.ID)
		look("paused")
		call("resume", b.ID)
		call("delete", "--force", b.ID)
		b.ReapAll(t)
		if r := b.Run(t, "top", "--once", "--format", "json", "--also", run+"/*"); !strings.Contains(r.Stdout, `"containers":[]`) {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// What is limited is shown with its limits, and what is held back as that.
func TestTopLimits(t *testing.T) {
	if !harness.IsRung() {
		t.Skip("only rung has top")
	}
	for _, c := range []string{"cpu", "memory", "pids"} {
		harness.Controller(t, c)
	}
	limit, quota, period, pids := int64(64<<20), int64(10000), uint64(100000), int64(50)
	b := harness.New(t, harness.Shell("while :; do :; done"), func(s *specs.Spec) {
		s.Linux.Resources = &specs.LinuxResources{
			CPU: &specs.LinuxCPU{Quota: &quota, Period: &period}, Memory: &specs.LinuxMemory{Limit: &limit}, Pids: &specs.LinuxPids{Limit: &pids},
		}
	})
	b.Container(t, "run", "--detach").Silent(t)
	r := b.Run(t, "top", "--format", "json", "--iterations", "6", "--interval", "300ms")
	r.Silent(t)
	throttled := 0.0
	for line := range strings.Lines(r.Stdout) {
		var doc struct {
			Containers []struct {
				CPU    struct{ Percent, ThrottledPercent float64 }
				Memory struct{ Max int64 }
				Pids   struct{ Current, Max int64 }
			}
		}
		if err := json.Unmarshal([]byte(line), &doc); err != nil || len(doc.Containers) != 1 {
			t.Fatalf("%v: %s", err, line)
		}
		c := &doc.Containers[0]
		if c.Memory.Max != limit || c.Pids.Max != pids || c.Pids.Current != 1 || c.CPU.Percent > 40 { // of 10, a period more or less in a look
			t.Errorf("it isn't as limited: %s", line)
		}
		throttled = max(throttled, c.CPU.ThrottledPercent)
	}
	if throttled == 0 || throttled > 100 {
		t.Errorf("%v %% of the periods held it back: %s", throttled, r.Stdout)
	}
	b.Must(t, "delete", "--force")
	b.ReapAll(t)
}

// A thousand containers are looked at, and drawn, in less than 200 ms of processor time.
func TestTopThousand(t *testing.T) {
	harness.Once(t)
	if !harness.IsRung() {
		t.Skip("only rung has top")
	}
	const containers, refreshes, most = 1000, 5, 200 * time.Millisecond
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	b.Container(t, "create").Silent(t)
	multiply(t, b, containers-1)
	best := time.Hour
	for range 3 {
		took := [2]time.Duration{}
		for i, n := range []int{1, 1 + refreshes} {
			p := startTop(t, b, 160, 50, "--iterations", fmt.Sprint(n))
			screen := p.shows(t, "1-47 of 1000")
			if n > 1 && strings.Count(screen, "created") != 47 {
				t.Errorf("want 47 containers:\n%s", screen)
			}
			p.ends(t, 0)
			took[i] = p.ProcessState.UserTime() + p.ProcessState.SystemTime()
		}
		best = min(best, (took[1]-took[0])/refreshes)
	}
	t.Logf("%v a refresh", best)
	if best > most && !harness.Emulated() {
		t.Errorf("a refresh of %d containers takes %v of processor time, more than %v", containers, best, most)
	}
	b.Must(t, "delete", "--force")
	b.ReapAll(t)
}

// multiply makes more containers like one: entries that name its process, and cgroups of their own.
func multiply(t *testing.T, b *harness.Bundle, n int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.Root, b.ID, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	progress, err := os.ReadFile(filepath.Join(b.Root, b.ID, "progress"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		name := fmt.Sprintf("%s-%d", b.ID, i)
		dir := filepath.Join(b.Root, name)
		for _, cgroup := range harness.CgroupDirs("/" + b.ID) {
			if err := os.Mkdir(filepath.Join(filepath.Dir(cgroup), name), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = unix.Rmdir(filepath.Join(filepath.Dir(cgroup), name)) })
		}
		if err := os.Mkdir(dir, 0o711); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		for file, content := range map[string]string{"state.json": strings.ReplaceAll(string(text), b.ID, name), "progress": string(progress)} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
