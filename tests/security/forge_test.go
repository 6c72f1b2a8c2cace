package security

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

// A neighbour with CAP_SYS_PTRACE writes a pid of the host's into the memory that a process which plays a tape shares with the runtime, in
// place of the process's own: the runtime neither takes that for the container's process nor signals it.
func TestForgedPID(t *testing.T) {
	harness.NeedRung(t, "memory that is shared with the first process")
	for name, tt := range map[string]struct {
		at    string // where the tape has its process's pid
		lands bool   // whether an error tells of it
		call  func(t *testing.T, a *attacker, b *harness.Bundle) *harness.Result
	}{
		"exec":   {"0x10000020", true, execBeside},
		"create": {"0x10001020", true, createBeside},
		"helper": {"0x10001028", false, createBeside},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			if name == "helper" && strings.Contains(os.Getenv("RUNG_TAGS"), "goplayer") {
				t.Skip("a player in Go reads there which of its children is to be reaped, and leaves that one to init")
			}
			target := exec.Command("sleep", "600")
			if err := target.Start(); err != nil {
				t.Fatal(err)
			}
			defer target.Wait()
			defer target.Process.Kill()
			a := attack(t, []string{"forge", strconv.Itoa(target.Process.Pid), tt.at}, harness.Capabilities("CAP_SYS_PTRACE"))
			b := harness.New(t, harness.Args("/bin/sleep", "60"), harness.JoinNS("pid", a.ns("pid")))
			landed := 0
			runs := rounds(200, 40)
			for n := 0; n < runs || tt.lands && landed == 0 && n < 20*runs; n++ {
				r := tt.call(t, a, b)
				if strings.Contains(r.Stderr, "none of ours") {
					landed++
				}
				if err := unix.Kill(target.Process.Pid, 0); err != nil || ended(target.Process.Pid) {
					t.Fatalf("run %d: a process of the host's has ended: %v", n, r)
				}
			}
			var f report.Forge
			a.Write(t, "tmp/stop", "", 0o644)
			harness.Until(t, "the attack program has ended", func() bool { reapOrphans(); return alone(a.pid) })
			a.end(t, &f)
			t.Logf("%d runs: %d processes had another number in their memory, %d times it was noticed", runs, f.Written, landed)
			if f.Written == 0 || tt.lands && landed == 0 {
				t.Errorf("%d processes written to, noticed %d times: this proves nothing (has the place of the pid changed?)", f.Written, landed)
			}
		})
	}
}

// ended tells whether a child of ours has.
func ended(pid int) bool {
	var info unix.Siginfo
	_ = unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return info.Signo != 0
}

// reapOrphans reaps what has come to us from a pid namespace: processes whose number the runtime has lost. The
// namespace's first process ends after them.
func reapOrphans() {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for pid := range strings.FieldsSeq(string(text)) {
			status, _ := os.ReadFile("/proc/" + pid + "/status")
			_, rest, _ := strings.Cut(string(status), "NSpid:")
			line, _, _ := strings.Cut(rest, "\n")
			if in := strings.Fields(line); len(in) == 2 && in[1] != "1" {
				n, _ := strconv.Atoi(pid)
				_, _ = unix.Wait4(n, nil, unix.WNOHANG|unix.WALL, nil)
			}
		}
	}
}

// alone tells whether a process has no thread any more but one.
func alone(pid int) bool {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(tasks) <= 1 && ended(pid)
}

func execBeside(t *testing.T, a *attacker, _ *harness.Bundle) *harness.Result {
	return a.Run(t, "exec", a.ID, "/bin/true")
}

func createBeside(t *testing.T, _ *attacker, b *harness.Bundle) *harness.Result {
	r := b.Container(t, "create")
	if r.Code == 0 {
		if list := b.Must(t, "state").Stdout; !strings.Contains(list, `"created"`) {
			t.Errorf("state: %s", list)
		}
	}
	b.Run(t, "delete", "--force", b.ID)
	return r
}
