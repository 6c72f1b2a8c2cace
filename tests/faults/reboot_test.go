package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A --root that outlives a reboot: the records are of another boot. Whoever has the
// container's pid and start time now, and is in the cgroup of its name, is a stranger:
// nothing is done to him by any verb, the container has stopped, and delete removes what
// is left of its state.
func TestAfterReboot(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "runc has no boot id: it kills whoever has the pid and the start time")
	ownIDs := harness.MappedRoot
	sharedPID := harness.WithoutNS(specs.PIDNamespace)
	for name, c := range map[string]struct {
		edit   harness.Edit
		reboot func(t *testing.T, dir string)
		force  bool // nothing but the intent, or nothing at all, says what it was
	}{
		"running":                {func(*specs.Spec) {}, otherBoot, false},
		"shared pid namespace":   {sharedPID, otherBoot, false},
		"user namespace":         {ownIDs, otherBoot, false},
		"create under way":       {sharedPID, both(otherBoot, without("state.json")), true},
		"create just begun":      {sharedPID, both(otherBoot, without("state.json", "progress", "config.json")), true},
		"record empty":           {sharedPID, both(otherBoot, empty("state.json")), true},
		"nothing but the config": {sharedPID, both(empty("state.json", "intent.json", "progress"), older), true},
		"all empty":              {sharedPID, both(empty("state.json", "intent.json", "config.json", "progress"), older), true},
		"without a boot id":      {sharedPID, both(noBoot, empty("progress"), older), false},
	} {
		t.Run(name, func(t *testing.T) {
			b := sleeper(t, c.edit)
			pid, _ := b.Create(t)
			b.Must(t, "start")
			stranger(t, b, pid, c.reboot, c.force)
		})
	}
}

// The same of an ordinary user's container, which has no cgroup.
func TestAfterRebootRootless(t *testing.T) {
	harness.NeedRung(t, "boot ids in its state")
	harness.Once(t)
	b := rootless(t)
	pid, _ := b.Create(t)
	b.Must(t, "start")
	stranger(t, b, pid, otherBoot, false)
}

// The same of a foreground run: the power is cut, and it ends before its container.
func TestAfterRebootRun(t *testing.T) {
	harness.NeedRung(t, "runc has no boot id")
	b := sleeper(t)
	call := b.Cmd("run").Start(t)
	b.WaitStarted(t)
	pid := b.State(t).Pid
	call.Process.Kill()
	call.Wait(t)
	stranger(t, b, pid, otherBoot, false)
}

// A resctrl group of the container's name is somebody else's after a reboot.
func TestAfterRebootResctrl(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	root := fakeResctrl(t)
	for _, how := range []func(*testing.T, string){otherBoot, both(otherBoot, without("state.json"))} {
		b := sleeper(t)
		b.Spec.Linux.IntelRdt = &specs.LinuxIntelRdt{}
		b.Save(t)
		pid, r := b.CreateBy(t, with(b.Cmd("create"), "RUNG_RESCTRL="+root))
		if r.Code != 0 {
			t.Fatal(r)
		}
		unix.Kill(pid, unix.SIGKILL)
		harness.Wait(t, pid)
		how(t, filepath.Join(b.Root, b.ID))
		b.Run(t, "delete", "--force", b.ID)
		if err := unix.Rmdir(root + "/" + b.ID); err != nil {
			t.Errorf("the group of somebody else has gone: %v", err)
		}
		removeCgroups(t, b)
	}
}

// stranger makes a stranger of a container's first process, and checks that he stays one.
func stranger(t *testing.T, b *harness.Bundle, pid int, reboot func(*testing.T, string), force bool) {
	t.Helper()
	t.Cleanup(func() {
		unix.Kill(pid, unix.SIGKILL)
		harness.Wait(t, pid)
		removeCgroups(t, b)
	})
	reboot(t, filepath.Join(b.Root, b.ID))
	where := readFile(t, fmt.Sprintf("/proc/%d/cgroup", pid))
	check := func(after string) {
		t.Helper()
		if !alive(pid) {
			t.Fatalf("after %s: the stranger was killed", after)
		}
		if now := readFile(t, fmt.Sprintf("/proc/%d/cgroup", pid)); now != where {
			t.Errorf("after %s: the stranger was moved: %s, was in %s", after, now, where)
		}
		for _, file := range []string{"freezer.state", "cgroup.freeze"} {
			for _, dir := range harness.CgroupDirs(b.ID) {
				if data, _ := os.ReadFile(dir + "/" + file); strings.HasPrefix(string(data), "FR") || string(data) == "1\n" {
					t.Errorf("after %s: %s/%s is %s", after, dir, file, data)
				}
			}
		}
	}
	for _, verb := range [][]string{
		{"state", b.ID},
		{"list"},
		{"kill", b.ID, "TERM"},
		{"kill", b.ID, "KILL"},
		{"kill", "--all", b.ID, "KILL"},
		{"start", b.ID},
		{"pause", b.ID},
		{"resume", b.ID},
		{"exec", b.ID, "/bin/true"},
		{"update", "--pids-limit", "7", b.ID},
		{"ps", b.ID},
		{"events", "--stats", b.ID},
		{"create", "--bundle", b.Dir, b.ID},
		{"run", "--bundle", b.Dir, b.ID},
	} {
		r := b.Run(t, verb...)
		name := strings.Join(verb[:len(verb)-1], " ")
		succeeds := name == "state" || verb[0] == "list" || verb[0] == "ps" || name == "kill --all "+b.ID
		if !force && (r.Code == 0) != succeeds || r.Code != 0 && r.Stderr == "" || r.Code > 1 && verb[0] != "exec" {
			t.Errorf("%s: %v", name, r)
		}
		if verb[0] == "ps" && strings.Contains(r.Stdout, fmt.Sprint(pid)) {
			t.Errorf("ps shows a stranger: %v", r)
		}
		check(name)
	}
	if st := b.Run(t, "state", b.ID); !force && !strings.Contains(st.Stdout, `"status": "stopped"`) {
		t.Errorf("want a stopped container: %v", st)
	}
	if force {
		b.Run(t, "delete", b.ID)
		check("delete")
		if r := b.Run(t, "delete", "--force", b.ID); r.Code != 0 {
			t.Error(r)
		}
	} else {
		b.Must(t, "delete")
	}
	check("delete at last")
	if _, err := os.Stat(filepath.Join(b.Root, b.ID)); err == nil {
		t.Error("delete left the state")
	}
}

// removeCgroups removes what is the stranger's now, and has to be there still.
func removeCgroups(t *testing.T, b *harness.Bundle) {
	t.Helper()
	if b.Spec.Linux.CgroupsPath == "" {
		return
	}
	removed := 0
	for _, dir := range harness.CgroupDirs(b.ID) {
		err := harness.Rmdir(dir)
		if err == nil {
			removed++
		} else if !errors.Is(err, unix.ENOENT) {
			t.Errorf("rmdir %s: %v", dir, err)
		}
	}
	if removed == 0 {
		t.Error("the stranger's cgroups have been removed")
	}
}

var bootID = regexp.MustCompile(`"boot_id"\s*:\s*"[^"]*"`)

// otherBoot makes records those of another boot.
func otherBoot(t *testing.T, dir string) {
	setBoot(t, dir, `"boot_id":"11111111-2222-3333-4444-555555555555"`)
}

// noBoot makes records that don't know their boot.
func noBoot(t *testing.T, dir string) { setBoot(t, dir, `"boot_id":""`) }

func setBoot(t *testing.T, dir, with string) {
	t.Helper()
	for _, file := range []string{"state.json", "intent.json"} {
		text := readFile(t, dir+"/"+file)
		if !bootID.MatchString(text) {
			t.Fatalf("no boot id in %s", file)
		}
		if err := os.WriteFile(dir+"/"+file, []byte(bootID.ReplaceAllString(text, with)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// without removes files that the power cut didn't let come to the disk.
func without(files ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, file := range files {
			if err := os.Remove(dir + "/" + file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// empty leaves no more than the names of files.
func empty(files ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, file := range files {
			if err := os.Truncate(dir+"/"+file, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// older gives files a time before the last boot.
func older(t *testing.T, dir string) {
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Chtimes(file, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

func both(list ...func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, f := range list {
			f(t, dir)
		}
	}
}
