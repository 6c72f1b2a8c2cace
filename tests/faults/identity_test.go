package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// Catalogue row 15: the container's pid belongs to somebody else now.
func TestReusedPID(t *testing.T) {
	if err := unix.Access(lastPID, unix.W_OK); err != nil {
		t.Skipf("pids can't be chosen: %s: %v", lastPID, err)
	}
	inv := harness.Take()
	b := sleeper(t)
	runs, done := rounds(100, 10), 0
	for range runs {
		pid, _ := b.Create(t)
		b.Must(t, "start")
		unix.Kill(pid, unix.SIGKILL)
		harness.Wait(t, pid)
		innocent := reuse(t, pid)
		if innocent == nil {
			b.Must(t, "delete", "--force")
			continue
		}
		done++
		notOurs(t, b, innocent.Process.Pid)
		if err := innocent.Process.Signal(unix.Signal(0)); err != nil || !alive(innocent.Process.Pid) {
			t.Errorf("the innocent process was killed: %v", err)
		}
		innocent.Process.Kill()
		innocent.Wait()
		remove(t, b, inv, "reused pid")
	}
	if done < runs/2 {
		t.Errorf("%d pids of %d could be had again: too few to prove anything", done, runs)
	}
}

// lastPID is the pid after which the kernel looks for a free one.
const lastPID = "/proc/sys/kernel/ns_last_pid"

// reuse makes a process with the given pid, nil if others fork too fast.
func reuse(t *testing.T, pid int) *exec.Cmd {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 50 {
		if err := os.WriteFile(lastPID, []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("sleep", "60")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if c.Process.Pid == pid {
			return c
		}
		c.Process.Kill()
		c.Wait()
	}
	return nil
}

// notOurs checks that the container has stopped for every verb.
func notOurs(t *testing.T, b *harness.Bundle, innocent int) {
	t.Helper()
	if st := status(t, b); st != "stopped" {
		t.Errorf("state %s, want stopped", st)
	}
	for _, verb := range [][]string{{"kill", b.ID, "KILL"}, {"kill", b.ID, "TERM"}, {"start", b.ID}} {
		if r := b.Run(t, verb...); r.Code == 0 || r.Stderr == "" {
			t.Errorf("want an error: %v", r)
		}
	}
	if !alive(innocent) {
		t.Error("the innocent process was killed")
	}
	b.Must(t, "delete")
}

// Row 15: the state is of before a reboot.
func TestRebooted(t *testing.T) {
	inv := harness.Take()
	b := sleeper(t)
	for _, edit := range []struct{ re, with string }{
		{`"boot_id"\s*:\s*"[^"]*"`, `"boot_id":"11111111-2222-3333-4444-555555555555"`},
		{`"init_process_start"\s*:\s*[0-9]+`, `"init_process_start":17`},
	} {
		pid, _ := b.Create(t)
		b.Must(t, "start")
		path := filepath.Join(b.Root, b.ID, "state.json")
		text := readFile(t, path)
		changed := regexp.MustCompile(edit.re).ReplaceAllString(text, edit.with)
		if changed == text {
			t.Fatalf("no %s in %s", edit.re, text)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		// Now the process with the recorded pid is a stranger. Its cgroup is
		// taken from the record, so it leaves that first.
		leave(t, pid)
		notOurs(t, b, pid)
		unix.Kill(pid, unix.SIGKILL)
		harness.Wait(t, pid)
		if strings.Contains(edit.re, "boot_id") {
			removeCgroups(t, b) // after a real reboot they would be somebody else's
		}
		remove(t, b, inv, edit.re)
	}
}

// leave moves a process to the root of every hierarchy.
func leave(t *testing.T, pid int) {
	t.Helper()
	roots, err := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(roots, "/sys/fs/cgroup/cgroup.procs") {
		_ = os.WriteFile(file, []byte(strconv.Itoa(pid)), 0) // not every one is a hierarchy's root
	}
}

// Row 31: ids. What can't name a container is refused by every command before
// anything is touched.
func TestIDs(t *testing.T) {
	harness.Once(t)
	victim := harness.TempDir(t)
	if err := os.WriteFile(victim+"/keep", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b := sleeper(t)
	b.Create(t)
	up, err := filepath.Rel(b.Root, victim)
	if err != nil {
		t.Fatal(err)
	}
	bad := []string{
		"", ".", "..", "../x", "a/b", " ", "é", "a\nb", "a b", "a:b", "a@b", "a*", "a\\b", "/", "/etc", up, "./" + b.ID,
		b.ID + "/", b.ID + "/../" + b.ID, strings.Repeat("x", 256), strings.Repeat("x", 1025),
	}
	count := 0
	for _, id := range bad {
		for _, verb := range [][]string{
			{"create", "--bundle", b.Dir},
			{"run", "--bundle", b.Dir},
			{"start"},
			{"state"},
			{"kill"},
			{"delete"},
			{"delete", "--force"},
		} {
			if r := b.Run(t, append(append([]string{}, verb...), id)...); r.Code == 0 || r.Stderr == "" {
				t.Errorf("%q: want an error: %v", id, r)
			}
			count++
		}
	}
	if st := status(t, b); st != "created" {
		t.Errorf("the container is %s, want created", st)
	}
	if _, err := os.Stat(victim + "/keep"); err != nil {
		t.Error(err)
	}
	b.Must(t, "delete", "--force")
	for _, id := range []string{".hidden", "a.b+c_d-e", "-x", "--", "0", strings.Repeat("y", 200), "..." + harness.Unique()} {
		g := sleeper(t)
		g.ID, g.Spec.Linux.CgroupsPath = id, "/"+g.ID
		g.Save(t)
		r := g.Run(t, "run", "--detach", "--bundle", g.Dir, "--", id)
		r.Silent(t)
		if r := g.Run(t, "state", "--", id); r.Code != 0 || !strings.Contains(r.Stdout, fmt.Sprintf("%q", id)) {
			t.Errorf("%v", r)
		}
		if r := g.Run(t, "delete", "--force", "--", id); r.Code != 0 {
			t.Errorf("%v", r)
		}
		harness.Reap()
	}
	t.Logf("%d bad calls", count)
}

// Row 39: state that the version before wrote, and a runtime that is replaced
// while its containers run.
func TestOtherVersions(t *testing.T) {
	inv := harness.Take()
	b := sleeper(t)
	edit := func(change func(string) string) {
		path := filepath.Join(b.Root, b.ID, "state.json")
		text := readFile(t, path)
		if err := os.WriteFile(path, []byte(change(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pid, _ := b.Create(t)
	// Keys that this version doesn't know, and one that it needs no more.
	edit(func(s string) string {
		return regexp.MustCompile(`,"systemd":(true|false)`).ReplaceAllString(strings.Replace(s, "{", `{"later":{"x":[1,null]},`, 1), "")
	})
	if st := status(t, b); st != "created" {
		t.Errorf("with unknown keys: %s, want created", st)
	}
	b.Must(t, "start")
	edit(func(s string) string {
		return regexp.MustCompile(`"format":\s*[0-9]+`).ReplaceAllString(s, `"format":99`)
	})
	for _, verb := range []string{"state", "start", "delete", "kill"} {
		b.Run(t, verb, b.ID).Fails(t, 1, "newer version")
	}
	if !alive(pid) {
		t.Error("a container of a newer version was killed")
	}
	edit(func(s string) string { return strings.Replace(s, `"format":99`, `"format":1`, 1) })
	if st := status(t, b); st != "running" {
		t.Errorf("state %s, want running", st)
	}
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	b.Must(t, "delete")
	remove(t, b, inv, "versions")
}

// Row 39: create by one binary, everything else by another in its place.
func TestReplacedBinary(t *testing.T) {
	harness.NeedRung(t, "replaces the runtime's file")
	built := harness.Runtime()
	path, _ := harness.UseCopy(t)
	for _, gone := range []bool{false, true} {
		b := sleeper(t)
		pid, _ := b.Create(t)
		other := sleeper(t)
		other.Create(t)
		other.Must(t, "start")
		if gone {
			// The upgrade goes elsewhere; the old file is no more.
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			t.Setenv("RUNTIME", built)
		} else {
			data := readFile(t, built)
			if err := os.WriteFile(path+".new", []byte(data+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
		b.Must(t, "start")
		if st := status(t, b); st != "running" {
			t.Errorf("state %s, want running", st)
		}
		b.Must(t, "kill", "KILL")
		harness.Wait(t, pid)
		b.Must(t, "delete")
		other.Must(t, "delete", "--force")
		harness.Reap()
	}
}
