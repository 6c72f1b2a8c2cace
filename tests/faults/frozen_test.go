package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// freezer returns the file that freezes a cgroup, and what to write to it.
func freezer(t *testing.T, path string) (file, frozen, thawed string) {
	t.Helper()
	for _, dir := range harness.CgroupDirs(path) {
		if _, err := os.Stat(dir + "/freezer.state"); err == nil {
			return dir + "/freezer.state", "FROZEN", "THAWED"
		}
	}
	for _, dir := range harness.CgroupDirs(path) {
		if _, err := os.Stat(dir + "/cgroup.freeze"); err == nil {
			return dir + "/cgroup.freeze", "1", "0"
		}
	}
	t.Fatalf("no cgroup %s that can be frozen", path)
	return "", "", ""
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

// isV1 reports whether a frozen cgroup of this view holds back a SIGKILL.
func isV1(file string) bool { return filepath.Base(file) == "freezer.state" }

// rmCgroup removes a cgroup that a test, not the runtime, has to remove.
func rmCgroup(t *testing.T, path string) {
	t.Helper()
	for _, dir := range harness.CgroupDirs(path) {
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			t.Errorf("remove cgroup: %v", err)
		}
	}
}

// Catalogue row 13: the container's own cgroup was frozen by somebody else.
func TestFrozenByOthers(t *testing.T) {
	inv := harness.Take()
	for _, how := range []string{"kill", "delete", "resume"} {
		b := sleeper(t)
		pid, _ := b.Create(t)
		b.Must(t, "start")
		file, frozen, _ := freezer(t, b.ID)
		put(t, file, frozen)
		if st := status(t, b); st != "paused" {
			t.Errorf("state %s, want paused", st)
		}
		for _, verb := range []string{"start", "delete", "pause"} {
			if r := b.Run(t, verb, b.ID); r.Code == 0 || r.Elapsed > 2*time.Second {
				t.Errorf("want an error at once: %v in %v", r, r.Elapsed)
			}
		}
		switch how {
		case "kill":
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
		case "resume":
			b.Must(t, "resume")
			if st := status(t, b); st != "running" {
				t.Errorf("state %s, want running", st)
			}
		}
		remove(t, b, inv, "frozen, "+how)
	}
}

// Row 13: a cgroup above is frozen. That isn't ours to thaw: what can't be done
// is an error that names it, soon; and all works when it is thawed.
func TestFrozenParent(t *testing.T) {
	b := sleeper(t)
	b.Spec.Linux.CgroupsPath = "/" + b.ID + "/c"
	b.Save(t)
	t.Cleanup(func() { rmCgroup(t, b.ID) })
	for _, dir := range harness.CgroupDirs(b.ID) {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	inv := harness.Take()
	pid, _ := b.Create(t)
	b.Must(t, "start")
	file, frozen, thawed := freezer(t, b.ID)
	t.Cleanup(func() { os.WriteFile(file, []byte(thawed), 0) })
	put(t, file, frozen)
	if st := status(t, b); st != "running" {
		t.Errorf("state %s, want running: it isn't paused by itself", st)
	}
	b.Run(t, "resume", b.ID).Fails(t, 1, "container not paused")
	b.Must(t, "pause")
	b.Must(t, "resume")
	b.Must(t, "kill", "USR1")
	r := b.Run(t, "kill", b.ID, "KILL")
	if r.Elapsed > 4*time.Second {
		t.Errorf("kill took %v", r.Elapsed)
	}
	if isV1(file) {
		r.Fails(t, 1, "is frozen")
		r.Fails(t, 1, filepath.Dir(file)+" ")
		d := b.Run(t, "delete", "--force", b.ID)
		d.Fails(t, 1, filepath.Dir(file)+" ")
		if d.Elapsed > 12*time.Second {
			t.Errorf("delete took %v", d.Elapsed)
		}
		put(t, file, thawed)
	} else if r.Code != 0 {
		t.Errorf("kill under a frozen v2 cgroup: %v", r)
	}
	harness.Wait(t, pid)
	b.WaitStatus(t, specs.StateStopped)
	put(t, file, frozen)
	b.Must(t, "delete")
	r = b.Container(t, "create")
	r.Fails(t, 1, "cgroup unexpectedly frozen")
	if st := status(t, b); st != "none" {
		t.Errorf("state %s, want none", st)
	}
	put(t, file, thawed)
	remove(t, b, inv, "frozen parent")
}

// Row 13: whoever pauses is killed on the way. What is left can be resumed,
// killed or deleted.
func TestKilledPause(t *testing.T) {
	inv := harness.Take()
	b := sleeper(t, harness.Shell("while :; do true & wait; done"))
	for i := range rounds(40, 8) {
		pid, _ := b.Create(t)
		b.Must(t, "start")
		pause := (&harness.Cmd{Args: []string{"--root", b.Root, "pause", b.ID}}).Start(t)
		time.Sleep(time.Duration(i%8) * 500 * time.Microsecond) // the moment is what varies
		pause.Process.Kill()
		pause.Wait(t)
		switch st := status(t, b); st {
		case "paused":
			b.Must(t, "resume")
			if st := status(t, b); st != "running" {
				t.Errorf("after resume: %s, want running", st)
			}
		case "running":
		default:
			t.Errorf("state %s, want paused or running", st)
		}
		b.Must(t, "kill", "KILL")
		harness.Wait(t, pid)
		remove(t, b, inv, "killed pause")
	}
}

// Row 14: freezing while processes are forked, join and look. No call
// takes long, and nothing stays frozen that was resumed.
func TestPauseRaces(t *testing.T) {
	inv := harness.Take()
	b := sleeper(t, harness.Shell("for i in 1 2 3; do while :; do true & wait; done & done; wait"))
	pid, _ := b.Create(t)
	b.Must(t, "start")
	stop := make(chan bool)
	var others sync.WaitGroup
	devices := b.Dir + "/devices.json" // on cgroup v1 a change of these freezes too
	put(t, devices, `{"devices":[{"allow":true,"type":"c","major":10,"minor":200,"access":"rwm"}]}`)
	verbs := [][]string{{"state", b.ID}, {"ps", "--format", "json", b.ID}, {"kill", b.ID, "0"}, {"exec", b.ID, "/bin/true"}, {"exec", b.ID, "/bin/true"}, {"update", "-r", devices, b.ID}}
	for _, verb := range verbs {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := b.Run(t, verb...)
				paused := verb[0] == "exec" && strings.Contains(r.Stderr, "paused")
				if r.Code != 0 && !paused || r.Elapsed > 5*time.Second {
					t.Errorf("%v in %v", r, r.Elapsed)
				}
				time.Sleep(20 * time.Millisecond) // or the freezer has no turn
			}
		})
	}
	for range rounds(100, 15) {
		for _, verb := range []string{"pause", "resume"} {
			if r := b.Run(t, verb, b.ID); r.Code != 0 || r.Elapsed > 5*time.Second {
				t.Errorf("%v in %v", r, r.Elapsed)
			}
		}
	}
	close(stop)
	others.Wait()
	if st := status(t, b); st != "running" {
		t.Errorf("state %s, want running", st)
	}
	// A SIGKILL that races with pause ends the container, whoever wins.
	for range rounds(20, 4) {
		pause := (&harness.Cmd{Args: []string{"--root", b.Root, "pause", b.ID}}).Start(t)
		kill := b.Run(t, "kill", b.ID, "KILL")
		if kill.Code != 0 {
			t.Errorf("%v", kill)
		}
		if r := pause.Wait(t); r.Code != 0 && !strings.Contains(r.Stderr, "container not running") {
			t.Errorf("%v", r)
		}
		harness.Wait(t, pid)
		b.WaitStatus(t, specs.StateStopped)
		b.Must(t, "delete")
		pid, _ = b.Create(t)
		b.Must(t, "start")
	}
	b.End(t, pid)
	remove(t, b, inv, "pause races")
}

// Row 33: the first process has ended, and others of the container live on,
// because they are in a pid namespace that isn't the container's.
func TestOrphans(t *testing.T) {
	harness.Once(t)
	// Its first process waits for those that end in its namespace.
	bystander := sleeper(t, harness.Shell("sleep 600 & while :; do wait; done"))
	other, _ := bystander.Create(t)
	bystander.Must(t, "start")
	// What it is going to start must be there already when we look for the first time.
	bystander.WaitPS(t, "sleep 600")
	inv := harness.Take()
	for kind, edit := range map[string]harness.Edit{
		"host": func(s *specs.Spec) {
			ns := s.Linux.Namespaces[:0]
			for _, n := range s.Linux.Namespaces {
				if n.Type != specs.PIDNamespace {
					ns = append(ns, n)
				}
			}
			s.Linux.Namespaces = ns
		},
		"joined": harness.JoinNS(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", other)),
	} {
		t.Run(kind, func(t *testing.T) {
			for _, how := range []string{"delete", "kill KILL", "kill --all TERM", "delete --force", "pause"} {
				b := sleeper(t, harness.Shell("sleep 601 & sleep 602 & exit 4"), edit)
				pid, _ := b.Create(t)
				b.Must(t, "start")
				if ws := harness.Wait(t, pid); ws.ExitStatus() != 4 {
					t.Errorf("wait status %x, want exit code 4", ws)
				}
				b.WaitStatus(t, specs.StateStopped)
				b.WaitPS(t, "sleep 601", "sleep 602")
				switch how {
				case "kill KILL":
					b.Must(t, "kill", "KILL")
				case "kill --all TERM":
					b.Run(t, "kill", "--all", b.ID, "TERM").Silent(t)
				case "delete --force":
					b.Must(t, "delete", "--force")
				case "pause":
					b.Run(t, "pause", b.ID).Fails(t, 1, "container not running")
				}
				if how != "delete --force" {
					b.Must(t, "delete")
				}
				remove(t, b, inv, kind+", "+how)
			}
		})
	}
	if err := unix.Kill(other, 0); err != nil {
		t.Errorf("the bystander: %v", err)
	}
	bystander.End(t, other)
}

// A container to which the freezer is writable freezes processes in cgroups of its own
// below: killed they have to be thawed, there, or they are never gone.
func TestFrozenBelow(t *testing.T) {
	for _, verb := range []string{"delete --force", "kill"} {
		t.Run(verb, func(t *testing.T) {
			b := sleeper(t)
			dir := "/sys/fs/cgroup/freezer/" + b.ID
			pid, _ := b.Create(t)
			b.Must(t, "start")
			if _, err := os.Stat(dir); err != nil {
				b.End(t, pid)
				t.Skip("no freezer of cgroup v1 in this view")
			}
			file := b.Dir + "/exec.pid"
			b.Run(t, "exec", "--detach", "--pid-file", file, b.ID, "/bin/sleep", "600").Silent(t)
			second := harness.PID(t, file)
			if err := os.MkdirAll(dir+"/a/b", 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, dir+"/a/b/cgroup.procs", strconv.Itoa(second))
			put(t, dir+"/a/b/freezer.state", "FROZEN")
			put(t, dir+"/a/freezer.state", "FROZEN")
			done := make(chan struct{})
			go func() { // who reaps the second, on which the end of the first waits
				defer close(done)
				var ws unix.WaitStatus
				unix.Wait4(second, &ws, 0, nil)
			}()
			if verb == "kill" {
				b.Run(t, "kill", "--all", b.ID, "KILL").Silent(t)
				<-done
				harness.Wait(t, pid)
				b.Must(t, "delete")
				return
			}
			if r := b.Run(t, "delete", "--force", b.ID); r.Code != 0 || r.Elapsed > 5*time.Second {
				t.Errorf("took %v: %v", r.Elapsed, r)
			}
			<-done
			harness.Wait(t, pid)
		})
	}
}

// A paused container whose record is damaged is killed and thawed before anybody waits
// for its end. (So was another one of the id, made while a forced delete waited for the first.)
func TestDamagedPaused(t *testing.T) {
	harness.NeedRung(t, "its state's files")
	b := sleeper(t)
	inv := harness.Take()
	pid, _ := b.Create(t)
	b.Must(t, "start")
	b.Must(t, "pause")
	put(t, b.Root+"/"+b.ID+"/state.json", "{")
	r := b.Run(t, "delete", "--force", b.ID)
	if r.Code != 0 || r.Elapsed > 5*time.Second {
		t.Errorf("took %v: %v", r.Elapsed, r)
	}
	harness.Wait(t, pid)
	remove(t, b, inv, "damaged")
}
