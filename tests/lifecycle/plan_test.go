package lifecycle

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A planned is a system call of a plan's tape.
type planned struct {
	call, label string
	optional    bool
}

var tapeLine = regexp.MustCompile(`^plan: tape \d+: ([a-z0-9_]+)(, or not)?: (.*)$`)

// ownDoing are entries of a tape that are no system calls.
var ownDoing = []string{"set", "fail", "mark", "expect", "branch", "compare"}

// tapeOf reads the plan that --debug tells.
func tapeOf(t *testing.T, log string) (list []planned) {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct{ Msg string }
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if m := tapeLine.FindStringSubmatch(l.Msg); m != nil && !slices.Contains(ownDoing, m[1]) {
			list = append(list, planned{m[1], m[3], m[2] != ""})
		}
	}
	return list
}

var traced = regexp.MustCompile(`^(\d+) +(<\.\.\. )?([a-z0-9_]+)(\(| resumed)`)

// callsOf are the system calls of each process of a trace by strace, in order. One that is interrupted is made again.
func callsOf(t *testing.T, trace string) map[int][]string {
	t.Helper()
	calls := map[int][]string{}
	for line := range strings.Lines(read(t, trace)) {
		m := traced.FindStringSubmatch(line)
		if m == nil || m[2] != "" || strings.Contains(line, "ERESTART") {
			continue
		}
		pid, _ := strconv.Atoi(m[1])
		calls[pid] = append(calls[pid], m[3])
	}
	return calls
}

// match holds calls against a plan: each call is the plan's next one, and what is passed over is optional.
func match(calls []string, plan []planned) error {
	next := 0
	for i, c := range calls {
		for next < len(plan) && plan[next].call != c && plan[next].optional {
			next++
		}
		if next == len(plan) {
			return fmt.Errorf("call %d of %d is %s, the plan says nothing more", i, len(calls), c)
		}
		if plan[next].call != c {
			return fmt.Errorf("call %d of %d is %s, the plan says %s (%s)", i, len(calls), c, plan[next].call, plan[next].label)
		}
		next++
	}
	for _, p := range plan[next:] {
		if !p.optional {
			return fmt.Errorf("%s (%s) wasn't made", p.call, p.label)
		}
	}
	return nil
}

// The plan that --debug tells is what the container's first process does: the same system calls in the same order. Only those are missing
// that the plan says may be, and only what it writes while it builds comes in addition, between its wait for the runtime and what follows.
func TestPlanIsTrue(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "a plan that can be read")
	ns := holder(t)
	hooked := func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/true"}}, CreateContainer: []specs.Hook{{Path: "/bin/true"}}}
	}
	user := func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{5, 6}}
		s.Process.Rlimits = append(s.Process.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_CORE"})
		s.Process.Cwd = "/tmp"
	}
	offsets := func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 7}}
	}
	filter := func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"swapon"}, Action: specs.ActErrno}}}
	}
	for name, edits := range map[string][]harness.Edit{
		"plain":                      nil,
		"user namespace":             {harness.MappedRoot},
		"user":                       {user},
		"terminal":                   {terminal(80, 25)},
		"hooks":                      {hooked},
		"few mounts":                 {func(s *specs.Spec) { s.Mounts = s.Mounts[:1] }},
		"seccomp":                    {filter},
		"time offsets":               {offsets},
		"joined net, ipc, uts":       {harness.JoinNS(specs.NetworkNamespace, ns("net")), harness.JoinNS(specs.IPCNamespace, ns("ipc")), harness.JoinNS(specs.UTSNamespace, ns("uts"))},
		"joined pid":                 {harness.JoinNS(specs.PIDNamespace, ns("pid"))},
		"joined pid, all of that":    {harness.JoinNS(specs.PIDNamespace, ns("pid")), user, terminal(80, 25), hooked, filter, offsets},
		"joined pid, user namespace": {harness.JoinNS(specs.PIDNamespace, ns("pid")), harness.MappedRoot, harness.DropMount("/proc")},
		"program in PATH":            {harness.Args("sleep", "600")},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600")}, edits...)...)
			b.Chown(t)
			dir := harness.TempDir(t)
			trace, log := filepath.Join(dir, "trace"), filepath.Join(dir, "log")
			flags := []string{}
			if b.Spec.Process.Terminal {
				flags = append(flags, "--console-socket", harness.Receive(t).Path)
			}
			call := b.Cmd(append([]string{"create", "--pid-file", b.Dir + "/pid"}, flags...)...)
			call.Args = append([]string{"--debug", "--log", log, "--log-format", "json"}, call.Args...)
			call.Via = []string{"strace", "-f", "-qq", "-s", "1", "-o", trace}
			r := call.Start(t)
			pid := pidOnceWritten(t, b)
			b.Must(t, "start")
			b.WaitStatus(t, specs.StateRunning)
			b.Must(t, "kill", "KILL")
			r.Wait(t)
			harness.Wait(t, pid)
			b.WaitStatus(t, specs.StateStopped)
			b.Must(t, "delete")

			plan, calls := tapeOf(t, log), callsOf(t, trace)
			if len(plan) < 30 || len(calls[pid]) < 30 {
				t.Fatalf("%d planned calls, %d made", len(plan), len(calls[pid]))
			}
			checkPlan(t, plan, calls, pid)
		})
	}
}

// pidOnceWritten waits for the pid file of a create under strace, which itself lives as long as the container.
func pidOnceWritten(t *testing.T, b *harness.Bundle) int {
	t.Helper()
	written := func() bool { text, err := os.ReadFile(b.Dir + "/pid"); return err == nil && len(text) > 0 }
	harness.Until(t, "the pid file is written", written)
	return harness.PID(t, b.Dir+"/pid")
}

// checkPlan finds who has played which part of the tape.
func checkPlan(t *testing.T, plan []planned, calls map[int][]string, first int) {
	t.Helper()
	index := func(label string) int {
		return slices.IndexFunc(plan, func(p planned) bool { return p.label == label })
	}
	check := func(who string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	wait, clone := index("wait for the runtime"), index("clone first process")
	after := wait + 2 // the wait, and a report of the same loop
	end := slices.IndexFunc(plan, func(p planned) bool { return p.call == "execve" }) + 1
	list := until(calls[first], "execve")
	if builder := index("clone builder"); builder >= 0 {
		check("player", player(calls, plan[:builder+1]))
		who := 0
		for pid, list := range calls {
			if slices.Contains(list, "pivot_root") {
				who = pid
			}
		}
		built := until(calls[who], "clone3")
		check("builder", before(built, plan[builder+1:wait+1]))
		check("builder, at last", behind(built, plan[after:clone+1]))
		check("first process", match(list, plan[clone+1:end]))
		return
	}
	check("player", player(calls, plan[:clone+1]))
	check("first process", before(list, plan[clone+1:wait+1]))
	check("first process, at last", behind(list, plan[after:end]))
}

// until are the calls up to the last of some kind.
func until(calls []string, call string) []string {
	for i, c := range slices.Backward(calls) {
		if c == call {
			return calls[:i+1]
		}
	}
	return calls
}

// player matches the calls of some player, which maps its memory before, with a plan that ends with a clone.
func player(calls map[int][]string, plan []planned) error {
	err := errors.New("there is none")
	for _, list := range calls {
		at := slices.Index(list, "execveat")
		if at < 0 || at+3 > len(list) {
			continue
		}
		if err = match(until(list[at+3:], "clone3"), plan); err == nil {
			return nil
		}
	}
	return err
}

// before matches the beginning of calls with a plan that ends with a wait for the runtime, of which there are more later.
func before(calls []string, plan []planned) error {
	waits := 0
	for _, p := range plan {
		if p.call == "recvmsg" {
			waits++
		}
	}
	for i, c := range calls {
		if c == "recvmsg" {
			if waits--; waits == 0 {
				return match(calls[:i+1], plan)
			}
		}
	}
	return fmt.Errorf("%d waits are missing", waits)
}

// behind matches what comes after the process has heard from the runtime for the last time: what it has built comes before.
func behind(calls []string, plan []planned) error {
	return match(calls[len(until(calls, "recvmsg")):], plan)
}
