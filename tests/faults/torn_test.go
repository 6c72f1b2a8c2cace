package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// damages are what a power loss, a bug or a person can make of a record.
// innocent is the pid of a process that isn't the container's, other another
// container's record.
func damages(innocent int, other string) map[string]func(string) string {
	set := func(key, value string) func(string) string {
		re := regexp.MustCompile(`("` + key + `"\s*:\s*)("[^"]*"|-?[0-9]+)`)
		return func(s string) string { return re.ReplaceAllString(s, "${1}"+value) }
	}
	always := func(text string) func(string) string { return func(string) string { return text } }
	return map[string]func(string) string{
		"empty":         always(""),
		"100 bytes":     func(s string) string { return s[:min(len(s), 100)] },
		"all but one":   func(s string) string { return s[:len(s)-1] },
		"null":          always("null"),
		"{}":            always("{}"),
		"[]":            always("[]"),
		"number":        always("17"),
		"zeros":         always(strings.Repeat("\x00", 4096)),
		"format 0":      set("format", "0"),
		"format -1":     set("format", "-1"),
		"format 99":     set("format", "99"),
		"format huge":   set("format", "99999999999999999999"),
		"other id":      set("id", `"other"`),
		"id up":         set("id", `"../../x"`),
		"pid -1":        set("init_process_pid", "-1"),
		"pid 0":         set("init_process_pid", "0"),
		"pid 1":         set("init_process_pid", "1"),
		"pid huge":      set("init_process_pid", "4294967297"),
		"pid innocent":  set("init_process_pid", fmt.Sprint(innocent)),
		"pid string":    set("init_process_pid", `"7"`),
		"start 0":       set("init_process_start", "0"),
		"start other":   set("init_process_start", "1"),
		"boot other":    set("boot_id", `"00000000-0000-0000-0000-000000000000"`),
		"other record":  always(other),
		"trailing data": func(s string) string { return s + "{}" },
		"garbage":       always("\xff\xfe{\"format\":1"),
	}
}

// Catalogue row 6: a torn state.json or intent. list goes on, state says so,
// delete --force removes everything of the container and nothing else.
func TestTornRecords(t *testing.T) {
	harness.Once(t)
	tornRecords(t, sleeper(t), sleeper(t))
}

// The same of an ordinary user's containers that have no cgroup: nothing but the
// records says which processes are theirs.
func TestTornRecordsRootless(t *testing.T) {
	harness.NeedRung(t, "its state's files")
	harness.Once(t)
	tornRecords(t, rootless(t), rootless(t))
}

func tornRecords(t *testing.T, b, other *harness.Bundle) {
	innocent := exec.Command("sleep", "600")
	if err := innocent.Start(); err != nil {
		t.Fatal(err)
	}
	defer innocent.Wait()
	defer innocent.Process.Kill()
	otherPID, _ := other.Create(t)
	inv, count, done := harness.Take(), 0, 0
	record := readFile(t, filepath.Join(other.Root, other.ID, "state.json"))
	for name, damage := range damages(innocent.Process.Pid, record) {
		for _, files := range [][]string{{"state.json"}, {"intent.json"}, {"state.json", "intent.json"}, {"config.json"}, {"progress"}} {
			for _, running := range []bool{false, true} {
				count++
				// (7 shares no factor with the 10 combinations: each comes up.)
				if testing.Short() && count%7 != 0 {
					continue
				}
				done++
				torn(t, fmt.Sprintf("%s of %v, running %v", name, files, running), name, b, other, inv, damage, files, running)
			}
		}
		for what, pid := range map[string]int{"an innocent process": innocent.Process.Pid, "another container": otherPID} {
			if alive(pid) {
				continue
			}
			t.Fatalf("%s: %s was killed", name, what)
		}
	}
	if st := status(t, other); st != "created" {
		t.Errorf("the other container is %s, want created", st)
	}
	other.End(t, otherPID)
	t.Logf("%d damages of %d", done, count)
}

// rootless makes a sleeper of an ordinary user's, who has no cgroup that he could use.
func rootless(t *testing.T) *harness.Bundle {
	t.Helper()
	one := []specs.LinuxIDMapping{{HostID: harness.UserID, Size: 1}}
	b := sleeper(t, harness.MappedRoot, harness.WithoutNS(specs.NetworkNamespace), harness.DropMount("/sys"), func(s *specs.Spec) {
		s.Linux.UIDMappings, s.Linux.GIDMappings, s.Linux.Resources = one, one, nil
		s.Process.Rlimits = nil
		s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/dev/pts" }) // for gid 5, which he hasn't
	})
	b.Spec.Linux.CgroupsPath = ""
	b.Save(t)
	b.GiveUser(t)
	return b
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// alive tells whether a process is there and not a zombie.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	i := strings.LastIndexByte(string(data), ')')
	return err == nil && i > 0 && data[i+2] != 'Z'
}

func torn(t *testing.T, what, name string, b, other *harness.Bundle, inv *harness.Inventory, damage func(string) string, files []string, running bool) {
	t.Helper()
	pid, _ := b.Create(t)
	if running {
		b.Must(t, "start")
	}
	broken := false
	for _, file := range files {
		path := filepath.Join(b.Root, b.ID, file)
		text := readFile(t, path)
		if err := os.WriteFile(path, []byte(damage(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		broken = broken || file == "state.json"
	}
	state := b.Run(t, "state", b.ID)
	if strings.Contains(state.Stderr, "panic") || state.Code != 0 && strings.Count(state.Stderr, "\n") != 1 {
		t.Errorf("%s: state: %v", what, state)
	}
	// list shows the others; the broken one on stderr.
	move(t, b.ID, b.Root, other.Root)
	list := other.Run(t, "list", "--quiet")
	move(t, b.ID, other.Root, b.Root)
	if list.Code != 0 || !strings.Contains(list.Stdout, other.ID+"\n") {
		t.Errorf("%s: list: %v", what, list)
	}
	if broken && state.Code != 0 && !strings.Contains(list.Stderr, b.ID) {
		t.Errorf("%s: list is silent about it: %v", what, list)
	}
	for _, verb := range [][]string{{"kill", b.ID, "0"}, {"start", b.ID}, {"delete", b.ID}} {
		if r := b.Run(t, verb...); strings.Contains(r.Stderr, "panic") || r.Code == 2 || r.Code != 0 && r.Stderr == "" {
			t.Errorf("%s: %s: %v", what, verb[0], r)
		}
	}
	harness.Reap()
	r := b.Run(t, "delete", "--force", b.ID)
	if r.Code != 0 || strings.Contains(r.Stderr, "panic") {
		t.Errorf("%s: delete --force: %v", what, r)
	}
	defer func() {
		for _, line := range inv.Left(b) {
			t.Errorf("%s: %s", what, line)
		}
	}()
	if name == "boot other" && broken { // to rung the process and its cgroup are another's: TestAfterReboot
		unix.Kill(pid, unix.SIGKILL)
		harness.Wait(t, pid)
		removeCgroups(t, b)
		return
	}
	if !alive(pid) {
		return
	}
	// Without a cgroup nothing but the record knows the process. If that names another
	// one, it must be left alone; if it says nothing, delete can't find it, but says so.
	if hasCgroup := b.Spec.Linux.CgroupsPath != ""; hasCgroup || !strangers[name] && !strings.Contains(r.Stderr, "process") {
		t.Errorf("%s: process %d is still there, and delete says %q", what, pid, r.Stderr)
	}
	unix.Kill(pid, unix.SIGKILL)
	harness.Wait(t, pid)
}

// strangers are damages that leave a sound record of a process that isn't there.
var strangers = map[string]bool{"pid innocent": true, "pid 0": true, "pid 1": true, "start 0": true, "start other": true, "boot other": true}

// move moves a container's directory to another root.
func move(t *testing.T, id, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(from, id), filepath.Join(to, id)); err != nil {
		t.Fatal(err)
	}
}
