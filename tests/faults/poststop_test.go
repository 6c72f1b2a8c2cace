package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// waitsAt makes a stopped container with four poststop hooks, which say in OUT/log that
// they begin: number 1 fails, though not with runc, which stops there, and number 2 waits
// for somebody who opens the FIFO OUT/go.
func waitsAt(t *testing.T) (b *harness.Bundle, out string) {
	t.Helper()
	fails := "exit 1"
	if !harness.IsRung() {
		fails = "true"
	}
	b, out = hooked(t,
		hook("poststop", "echo 0 >>OUT/log", 0), hook("poststop", "echo 1 >>OUT/log; "+fails, 0),
		hook("poststop", "printf $$ >OUT/pid; echo 2 >>OUT/log; read x <OUT/go; true", 0), hook("poststop", "echo 3 >>OUT/log", 0))
	if err := unix.Mkfifo(out+"/go", 0o600); err != nil {
		t.Fatal(err)
	}
	pid, _ := b.Create(t)
	b.Must(t, "start")
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	t.Cleanup(func() { release(t, out) }) // whatever has become of it
	return b, out
}

// deletion is the call of delete.
func deletion(b *harness.Bundle) *harness.Cmd {
	return &harness.Cmd{Args: []string{"--root", b.Root, "delete", b.ID}}
}

// until waits for the hooks that have begun.
func until(t *testing.T, out, want string) {
	t.Helper()
	harness.Until(t, "the hooks have begun: "+want, func() bool { return begun(out) == want })
}

// has tells whether a process has a path open.
func has(pid int, path string) bool {
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	return slices.ContainsFunc(list, func(fd string) bool { to, _ := os.Readlink(fd); return to == path })
}

func begun(out string) string {
	text, _ := os.ReadFile(out + "/log")
	return strings.Join(strings.Fields(string(text)), " ")
}

// release lets the hook end that waits, and those that come.
func release(t *testing.T, out string) {
	t.Helper()
	if fd, err := unix.Open(out+"/go", unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
		unix.Close(fd)
	}
	os.Remove(out + "/go")
	if err := os.WriteFile(out+"/go", nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A delete that is killed while a poststop hook runs has left the container's entry. The
// next one runs the hooks that haven't succeeded, once, whatever kind of delete it is and
// however many there are at once.
func TestDeleteKilledInPoststop(t *testing.T) {
	harness.NeedRung(t, "runc has removed its state before it runs the hooks: nobody can run the others")
	for _, how := range []string{"delete", "delete --force", "two at once"} {
		t.Run(how, func(t *testing.T) {
			b, out := waitsAt(t)
			first := deletion(b).Start(t)
			until(t, out, "0 1 2")
			first.Process.Kill()
			first.Wait(t)
			orphan := harness.PID(t, out+"/pid")
			unix.Kill(orphan, unix.SIGKILL)
			harness.Wait(t, orphan)
			if st := status(t, b); st != "stopped" {
				t.Errorf("state %s, want stopped", st)
			}
			release(t, out)
			switch how {
			case "two at once":
				calls := []*harness.Proc{deletion(b).Start(t), deletion(b).Start(t)}
				one, two := calls[0].Wait(t), calls[1].Wait(t)
				if one.Code+two.Code != 1 || !strings.Contains(one.Stderr+two.Stderr, "does not exist") {
					t.Errorf("one is to succeed: %v, %v", one, two)
				}
			default:
				if r := b.Run(t, append(strings.Fields(how), b.ID)...); r.Code != 0 {
					t.Error(r)
				}
			}
			if got := begun(out); got != "0 1 2 1 2 3" {
				t.Errorf("hooks %q began, want those that hadn't succeeded again: 0 1 2 1 2 3", got)
			}
			if st := status(t, b); st != "none" {
				t.Errorf("state %s, want none", st)
			}
			b.Run(t, "delete", b.ID).Fails(t, 1, "does not exist")
		})
	}
}

// The same of one that is killed between two hooks.
func TestDeleteKilledBetweenPoststopHooks(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	b, out := waitsAt(t)
	release(t, out)
	if r := with(deletion(b), "RUNG_FAULT=poststop2").Run(t); r.Code != 137 {
		t.Fatalf("want 137: %v", r)
	}
	if r := b.Run(t, "delete", b.ID); r.Code != 0 {
		t.Error(r)
	}
	if got := begun(out); got != "0 1 2 1 3" {
		t.Errorf("hooks %q began, want 0 1 2 1 3", got)
	}
}

// While poststop hooks run, another delete waits for them and finds nothing. A forced one
// waits for nobody: the id is free, and whoever has it next is left alone.
func TestDeleteWhilePoststop(t *testing.T) {
	b, out := waitsAt(t)
	first := deletion(b).Start(t)
	until(t, out, "0 1 2")
	second := deletion(b).Start(t)
	if harness.IsRung() {
		harness.Until(t, "the second delete has the entry open", func() bool { return has(second.Process.Pid, filepath.Join(b.Root, b.ID)) })
		begin := time.Now()
		b.Must(t, "delete", "--force")
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("delete --force took %v", took)
		}
		if st := status(t, b); st != "none" {
			t.Errorf("state %s, want none", st)
		}
		if _, err := os.Stat(filepath.Join(b.Root, b.ID)); err == nil {
			t.Error("delete --force left the state")
		}
	}
	pid, r := b.Create(t)
	if r.Code != 0 {
		t.Fatal(r)
	}
	release(t, out)
	if r := first.Wait(t); harness.IsRung() && r.Code != 0 {
		t.Error(r)
	}
	second.Wait(t).Fails(t, 1, "does not exist")
	if got := begun(out); harness.IsRung() && got != "0 1 2 3" {
		t.Errorf("hooks %q ran, want each once", got)
	}
	if st := status(t, b); st != "created" {
		t.Errorf("the next container is %s, want created", st)
	}
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	if r := b.Run(t, "delete", b.ID); harness.IsRung() && r.Code != 0 {
		t.Error(r)
	}
}
