// Package seccomp watches filters at work in containers: every action, agents
// that answer calls, and profiles that allow next to nothing.
package seccomp

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// A change is the two things that decide how a filter gets in.
type change struct {
	name string
	edit harness.Edit
}

// changes are all users that differ, with and without no_new_privs, and a user
// namespace.
func changes() (list []change) {
	for _, uid := range []uint32{0, 1000} {
		for _, nnp := range []bool{true, false} {
			for _, userns := range []bool{false, true} {
				name := map[uint32]string{0: "root", 1000: "user"}[uid]
				if nnp {
					name += " no_new_privs"
				}
				if userns {
					name += " user namespace"
				}
				list = append(list, change{name, func(s *specs.Spec) {
					s.Process.User.UID, s.Process.User.GID = uid, uid
					s.Process.NoNewPrivileges = nnp
					s.Process.Capabilities = &specs.LinuxCapabilities{}
					if userns {
						harness.MappedRoot(s)
					}
				}})
			}
		}
	}
	return list
}

// rule is a profile that lets everything through but times(2).
func rule(action specs.LinuxSeccompAction, errno *uint, args ...specs.LinuxSeccompArg) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"times", "no_such_call"}, Action: action, ErrnoRet: errno, Args: args}},
	}
}

func number(n uint) *uint { return &n }

// caller compiles the program that makes a call and says what became of it.
func caller(t *testing.T) string {
	t.Helper()
	out := harness.Dir() + "/caller"
	if _, err := os.Stat(out); err == nil {
		return out
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc (apt install gcc libc6-dev)")
	}
	if text, err := exec.Command("gcc", "-O1", "-static", "-pthread", "-o", out, "testdata/caller.c").CombinedOutput(); err != nil {
		t.Fatalf("compile caller.c: %v\n%s", err, text)
	}
	return out
}

// newCaller makes a bundle that runs the caller.
func newCaller(t *testing.T, profile *specs.LinuxSeccomp, edit harness.Edit, args ...string) *harness.Bundle {
	t.Helper()
	program := caller(t)
	b := harness.New(t, harness.Args(append([]string{"/bin/caller"}, args...)...), func(s *specs.Spec) { s.Linux.Seccomp = profile })
	if edit != nil {
		edit(b.Spec)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(t, "bin/caller", string(data), 0o755)
	b.Save(t)
	if len(b.Spec.Linux.UIDMappings) > 0 {
		b.Chown(t)
	}
	return b
}

// line returns what follows a word at the beginning of a line.
func line(text, word string) string {
	for l := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(l, word); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
