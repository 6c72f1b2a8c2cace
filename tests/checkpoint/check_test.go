package checkpoint

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A verdict is what --check says.
type verdict struct {
	ID       string
	Possible bool
	CRIU     struct {
		Path, Version string
		PreDump       bool `json:"pre_dump"`
		LazyPages     bool `json:"lazy_pages"`
	}
	Lost     []int
	Blockers []struct {
		Name string
		PID  int
		FD   *int
		What string
		Mend string
	}
}

func (v *verdict) names() (list []string) {
	for _, b := range v.Blockers {
		if !slices.Contains(list, b.Name) {
			list = append(list, b.Name)
		}
	}
	slices.Sort(list)
	return list
}

// check asks, in both formats.
func (x *trial) check(t *testing.T, flags ...string) *verdict {
	t.Helper()
	args := slices.Concat([]string{"checkpoint", "--check"}, flags, []string{x.ID})
	text := x.call(t, args...)
	r := x.call(t, slices.Insert(args, 2, "--format", "json")...)
	v := new(verdict)
	if err := json.Unmarshal([]byte(r.Stdout), v); err != nil || r.Stderr != "" {
		t.Fatalf("%v: %v", err, r)
	}
	if v.ID != x.ID || v.Possible != (len(v.Blockers) == 0) || (r.Code == 0) != v.Possible || text.Code != r.Code {
		t.Errorf("%v\n%v\n%+v", r, text, v)
	}
	for _, name := range v.names() {
		if !strings.Contains(text.Stdout, "! "+name+": ") {
			t.Errorf("the text doesn't name %s: %v", name, text)
		}
	}
	return v
}

// unknown mounts a file system of a kind that CRIU doesn't know.
func unknown(kind string) harness.Edit {
	return harness.AddMount(specs.Mount{Destination: "/made/mount", Type: kind, Source: kind})
}

// Each blocker is named, and is one: a dump fails by it, and by nothing else. With the option that is said to help, it doesn't.
func TestCheck(t *testing.T) {
	need(t)
	for _, tt := range []struct {
		want  string
		edits func(t *testing.T) []harness.Edit
		open  func(t *testing.T) *os.File // what its init has open
		after func(t *testing.T, x *trial)
		mend  string // an option
	}{
		{want: ""},
		{want: "io_uring", edits: edits(program("uring"))},
		{want: "secret", edits: edits(program("secret"))},
		{want: "seccomp", edits: edits(program("listener"))},
		{want: "tcp", edits: edits(program("tcp")), mend: "--tcp-established"},
		{want: "socket", edits: edits(program("mptcp"))},
		{want: "lock", edits: edits(program("lock")), mend: "--file-locks"},
		{want: "deleted", edits: edits(program("deleted"))},
		{want: "deleted", edits: edits(program("linked")), mend: "--link-remap"},
		{want: "other", edits: edits(program("huge"))},
		{want: "other", edits: edits(program("bpf"), harness.Capabilities("CAP_BPF", "CAP_SYS_ADMIN"))},
		{want: "namespace", edits: edits(program("network"), harness.Capabilities("CAP_SYS_ADMIN"))},
		{want: "namespace", edits: edits(harness.WithoutNS(specs.MountNamespace), func(s *specs.Spec) {
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
		})},
		{want: "mount", edits: edits(unknown("bpf"))},
		{want: "mount", edits: edits(unknown("ramfs"))},
		{want: "mount", edits: edits(unknown("hugetlbfs"))},
		{want: "criu", edits: edits(func(s *specs.Spec) { s.Annotations = map[string]string{"org.criu.config": "/nonexistent"} })},
		{want: "unix", edits: func(t *testing.T) []harness.Edit {
			dir := harness.TempDir(t)
			l, err := net.Listen("unix", dir+"/socket")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				if c, err := l.Accept(); err == nil {
					t.Cleanup(func() { c.Close() })
				}
			}()
			return []harness.Edit{program("socket"), harness.AddMount(specs.Mount{Destination: "/outside", Type: "bind", Source: dir, Options: []string{"bind"}})}
		}},
		{want: "terminal", open: func(t *testing.T) *os.File {
			_, slave := harness.OpenPTY(t)
			return slave
		}},
		{want: "file", open: func(t *testing.T) *os.File {
			f, err := os.CreateTemp("/run", "rungt-outside-") // of another file system than the root's
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close(); os.Remove(f.Name()) })
			return f
		}},
		{want: "", after: func(t *testing.T, x *trial) {
			if r := x.call(t, "exec", "--detach", "--pid-file", x.Dir+"/exec", x.ID, "/bin/sleep", "1000"); r.Code != 0 {
				t.Fatal(r)
			}
			pid := harness.PID(t, x.Dir+"/exec")
			t.Cleanup(func() { // it is a child of the test's, without whose wait the init can't end
				unix.Kill(pid, unix.SIGKILL)
				harness.Wait(t, pid)
			})
			if v := x.check(t); len(v.Lost) != 1 {
				t.Errorf("lost are %v, want the process of the exec", v.Lost)
			}
		}},
		{want: "traced", after: func(t *testing.T, x *trial) {
			end, done := make(chan bool), make(chan bool)
			seized := make(chan unix.Errno)
			go func() {
				runtime.LockOSThread() // which traces, and ends with us
				const seize = 0x4206
				_, _, errno := unix.Syscall6(unix.SYS_PTRACE, seize, uintptr(x.pid), 0, 0, 0, 0)
				seized <- errno
				for ended := false; !ended; {
					var ws unix.WaitStatus
					if pid, _ := unix.Wait4(x.pid, &ws, unix.WNOHANG|unix.WALL, nil); pid == x.pid && ws.Stopped() {
						unix.PtraceCont(pid, int(ws.StopSignal())%64) // it goes on as if it were alone
					}
					select {
					case <-end:
						ended = true
					case <-time.After(time.Millisecond):
					}
				}
				close(done)
			}()
			if errno := <-seized; errno != 0 {
				t.Fatal(errno)
			}
			t.Cleanup(func() { close(end); <-done })
		}},
	} {
		name := tt.want
		if name == "" {
			name = "nothing"
		}
		t.Run(name, func(t *testing.T) {
			var list []harness.Edit
			if tt.edits != nil {
				list = tt.edits(t)
			}
			x := newTrial(t, "", list...)
			if tt.open != nil {
				x.hand = []*os.File{tt.open(t)}
			}
			if err := caught(func() {
				x.start(t)
				if tt.after != nil {
					tt.after(t, x)
				}
			}); err != nil {
				t.Fatal(err)
			}
			v := x.check(t)
			if got := strings.Join(v.names(), " "); got != tt.want {
				t.Errorf("blockers %q, want %q: %+v", got, tt.want, v)
			}
			if v.CRIU.Path == "" || !strings.HasPrefix(v.CRIU.Version, "4.") && !strings.HasPrefix(v.CRIU.Version, "3.") {
				t.Errorf("criu %+v", v.CRIU)
			}
			x.lives(t)
			r := x.call(t, "checkpoint", "--leave-running", "--image-path", x.images(), x.ID)
			if (r.Code == 0) != (tt.want == "") {
				t.Errorf("blocker %q: %v", tt.want, r)
			}
			x.lives(t)
			if tt.mend == "" {
				return
			}
			if v := x.check(t, tt.mend); !v.Possible {
				t.Errorf("with %s: %+v", tt.mend, v)
			}
			if r := x.call(t, "checkpoint", "--leave-running", "--image-path", x.images(), tt.mend, x.ID); r.Code != 0 {
				t.Errorf("with %s: %v", tt.mend, r)
			}
		})
	}
}

// A host without CRIU is said to be one.
func TestCheckAbsent(t *testing.T) {
	x := plain(t)
	c := x.cmd("checkpoint", "--check", "--format", "json", x.ID)
	c.Env = []string{"PATH=/nonexistent"}
	r := c.Run(t)
	v := new(verdict)
	if err := json.Unmarshal([]byte(r.Stdout), v); err != nil || r.Code != 1 || v.Possible || fmt.Sprint(v.names()) != "[criu]" || v.CRIU.Path != "" {
		t.Errorf("%v: %v", err, r)
	}
	c.Args = slices.DeleteFunc(slices.Clone(c.Args), func(s string) bool { return s == "--format" || s == "json" })
	if r := c.Run(t); r.Code != 1 || !strings.Contains(r.Stdout, "! criu: criu isn't installed: there is no program criu in PATH=/nonexistent (install it)") {
		t.Error(r)
	}
	x.lives(t)
}
