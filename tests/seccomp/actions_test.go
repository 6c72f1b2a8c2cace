package seccomp

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// sigsys is the exit code of a program that SIGSYS ended.
const sigsys = 128 + int(unix.SIGSYS)

// An action is what a rule has, and what a call that it matches ends in.
type action struct {
	action specs.LinuxSeccompAction
	errno  *uint
	mode   string
	code   int
	want   string // a line's beginning
}

// profile has the action for times(2).
func (a action) profile() *specs.LinuxSeccomp {
	p := rule(a.action, a.errno)
	if a.action == specs.ActAllow { // else the rule is the default
		p.DefaultAction = specs.ActLog
	}
	return p
}

var actions = []action{
	{specs.ActAllow, nil, "plain", 0, "main result "},
	{specs.ActErrno, nil, "plain", 0, "main errno 1"},
	{specs.ActErrno, number(71), "plain", 0, "main errno 71"},
	{specs.ActErrno, number(0), "plain", 0, "main result 0"},
	{specs.ActTrap, nil, "trap", 0, "SIGSYS code 1 number 1"},
	{specs.ActTrap, nil, "plain", sigsys, ""},
	{specs.ActKill, nil, "plain", sigsys, ""},
	{specs.ActKillThread, nil, "thread", 0, "main lives"},
	{specs.ActKillProcess, nil, "thread", sigsys, ""},
	{specs.ActTrace, nil, "plain", 0, "main errno 38"}, // nobody traces
	{specs.ActTrace, number(4711), "trace", 0, "event 4711"},
	{specs.ActLog, nil, "plain", 0, "main result "},
}

// TestActions sees every action, by every kind of user.
func TestActions(t *testing.T) {
	for _, test := range actions {
		for _, c := range changes() {
			t.Run(fmt.Sprint(test.action, " ", test.mode, " ", c.name), func(t *testing.T) {
				harness.Share(t)
				profile := test.profile()
				b := newCaller(t, profile, c.edit, test.mode)
				r := b.Container(t, "run")
				if r.Code != test.code || !strings.Contains(r.Stdout, "\n"+test.want) || r.Stderr != "" {
					t.Errorf("want exit code %d and %q: %v", test.code, test.want, r)
				}
				checkStatus(t, b, r)
			})
		}
	}
}

// TestActionsExec sees every action in a process that an exec brought.
func TestActionsExec(t *testing.T) {
	for _, test := range actions {
		for _, c := range changes() {
			t.Run(fmt.Sprint(test.action, " ", test.mode, " ", c.name), func(t *testing.T) {
				harness.Share(t)
				b, pid := running(t, test.profile(), c.edit)
				defer b.End(t, pid)
				r := b.Run(t, "exec", b.ID, "/bin/caller", test.mode)
				if r.Code != test.code || !strings.Contains(r.Stdout, "\n"+test.want) || r.Stderr != "" {
					t.Errorf("want exit code %d and %q: %v", test.code, test.want, r)
				}
				checkStatus(t, b, r)
			})
		}
	}
}

// checkStatus checks what the program says of itself: a filter, one thread,
// no_new_privs as asked, and no capability.
func checkStatus(t *testing.T, b *harness.Bundle, r *harness.Result) {
	t.Helper()
	nnp := map[bool]string{false: "0", true: "1"}[b.Spec.Process.NoNewPrivileges]
	for word, want := range map[string]string{"Seccomp:": "2", "Threads:": "1", "NoNewPrivs:": nnp, "CapEff:": zero, "CapPrm:": zero, "CapBnd:": zero, "CapInh:": zero, "CapAmb:": zero} {
		if got := line(r.Stdout, word); got != want {
			t.Errorf("%s %s, want %s", word, got, want)
		}
	}
}

// zero is no capability: not even the one that installs filters is left.
const zero = "0000000000000000"

// TestKeptCapabilities has a program that gets some: exactly those.
func TestKeptCapabilities(t *testing.T) {
	for _, list := range [][]string{{"CAP_KILL"}, {"CAP_KILL", "CAP_SYS_ADMIN"}} {
		for _, c := range changes() {
			t.Run(strings.Join(list, " ")+" "+c.name, func(t *testing.T) {
				harness.Share(t)
				b := newCaller(t, rule(specs.ActErrno, nil), c.edit, "plain")
				b.Spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: list, Effective: list, Permitted: list, Inheritable: list, Ambient: list}
				b.Save(t)
				r := b.Container(t, "run")
				r.Silent(t)
				want := fmt.Sprintf("%016x", 1<<unix.CAP_KILL)
				if len(list) > 1 {
					want = fmt.Sprintf("%016x", 1<<unix.CAP_KILL|1<<unix.CAP_SYS_ADMIN)
				}
				for _, word := range []string{"CapEff:", "CapPrm:", "CapBnd:"} {
					if got := line(r.Stdout, word); got != want {
						t.Errorf("%s %s, want %s", word, got, want)
					}
				}
			})
		}
	}
}

// TestArguments compares all 64 bits.
func TestArguments(t *testing.T) {
	harness.Once(t)
	const value = uint64(0x1_0000_0001)
	for op, holds := range map[specs.LinuxSeccompOperator]func(uint64) bool{
		specs.OpEqualTo:      func(v uint64) bool { return v == value },
		specs.OpNotEqual:     func(v uint64) bool { return v != value },
		specs.OpLessThan:     func(v uint64) bool { return v < value },
		specs.OpLessEqual:    func(v uint64) bool { return v <= value },
		specs.OpGreaterThan:  func(v uint64) bool { return v > value },
		specs.OpGreaterEqual: func(v uint64) bool { return v >= value },
		specs.OpMaskedEqual:  func(v uint64) bool { return v&value == value },
	} {
		for _, v := range []uint64{1, 0x1_0000_0000, value, value + 1, 0x2_0000_0000, 0xf_0000_0003} {
			a := specs.LinuxSeccompArg{Index: 0, Op: op, Value: value, ValueTwo: value}
			want := "errno 14" // the kernel's answer: no address of ours
			if holds(v) {
				want = "errno 71"
			}
			r := newCaller(t, rule(specs.ActErrno, number(71), a), nil, "plain", fmt.Sprint(v)).Container(t, "run")
			if got := line(r.Stdout, "main"); got != want {
				t.Errorf("%s: times(%#x): %s, want %s", op, v, got, want)
			}
		}
	}
}

// TestStrict has a profile that allows the execve and what the program itself
// does. None of the runtime's own calls may need more.
func TestStrict(t *testing.T) {
	program := harness.C(t, "strict", `
void _start(void) { sys(NR_write, 1, (long)"ran\n", 4, 0, 0, 0); sys(NR_exit, 0, 0, 0, 0, 0, 0); }`)
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, fallback := range []specs.LinuxSeccompAction{specs.ActKillProcess, specs.ActErrno, specs.ActTrap} {
		for _, c := range changes() {
			t.Run(string(fallback)+" "+c.name, func(t *testing.T) {
				harness.Share(t)
				b := harness.New(t, c.edit, harness.Args("/bin/strict"), func(s *specs.Spec) {
					s.Linux.Seccomp = &specs.LinuxSeccomp{
						DefaultAction: fallback,
						Syscalls:      []specs.LinuxSyscall{{Names: []string{"execve", "write", "exit"}, Action: specs.ActAllow}},
					}
				})
				b.Write(t, "bin/strict", string(data), 0o755)
				if len(b.Spec.Linux.UIDMappings) > 0 {
					b.Chown(t)
				}
				for range 2 {
					r := b.Container(t, "run")
					r.Silent(t)
					if r.Stdout != "ran\n" {
						t.Errorf("%v", r)
					}
				}
				pid, r := b.Create(t)
				b.Must(t, "start")
				if ws := harness.Wait(t, pid); ws != 0 || r.Reread(t) != "ran\n" {
					t.Errorf("by create and start: status %x, %q", ws, r.Reread(t))
				}
				b.Must(t, "delete")
			})
		}
	}
}

// TestExecveRefused has profiles that don't let the program begin.
func TestExecveRefused(t *testing.T) {
	harness.Share(t)
	refuse := func(action specs.LinuxSeccompAction) harness.Edit {
		return func(s *specs.Spec) {
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"execve"}, Action: action}}}
		}
	}
	b := harness.New(t, refuse(specs.ActErrno))
	const want = "exec /bin/true: operation not permitted"
	b.Container(t, "run").Fails(t, 255, want) // runc's
	b.Create(t)
	b.Run(t, "start", b.ID).Fails(t, 1, want)
	b.Must(t, "delete")
	// An errno of 0 is no success.
	nothing := harness.New(t, refuse(specs.ActErrno), func(s *specs.Spec) { s.Linux.Seccomp.Syscalls[0].ErrnoRet = new(uint(0)) })
	nothing.Container(t, "run").Fails(t, 255, "exec /bin/true: errno 0")
	if harness.IsRung() { // runc's start doesn't look
		nothing.Create(t)
		nothing.Run(t, "start", nothing.ID).Fails(t, 1, "exec /bin/true: errno 0")
		nothing.Must(t, "delete")
	}
	if r := harness.New(t, refuse(specs.ActKillProcess)).Container(t, "run"); r.Code != sigsys {
		t.Errorf("want exit code %d: %v", sigsys, r)
	}
}

// TestEngines runs the profiles that engines write.
func TestEngines(t *testing.T) {
	for _, file := range []string{"docker-config-1", "cri-config-3", "buildah-config-1", "ctr-config-2"} {
		for _, c := range changes() {
			t.Run(file+" "+c.name, func(t *testing.T) {
				harness.Share(t)
				data, err := os.ReadFile("../engines/testdata/" + file + ".json")
				if err != nil {
					t.Fatal(err)
				}
				var s specs.Spec
				if err := json.Unmarshal(data, &s); err != nil {
					t.Fatal(err)
				}
				b := newCaller(t, s.Linux.Seccomp, c.edit, "plain")
				b.Spec.Process.Args = []string{"/bin/sh", "-c", "/bin/caller plain; unshare -U true && echo unshared; date >/dev/null && echo dated"}
				b.Save(t)
				r := b.Container(t, "run")
				unshares := file == "buildah-config-1" // builds make namespaces
				if r.Code != 0 || line(r.Stdout, "Seccomp:") != "2" || !strings.Contains(r.Stdout, "dated") || strings.Contains(r.Stdout, "unshared") != unshares {
					t.Errorf("%v", r)
				}
			})
		}
	}
}
