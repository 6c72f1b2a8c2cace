package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// What creates that were killed at random points have left, `gc` finds, all of it and nothing else, and removes: beside
// a container that runs, one that another process has locked, and what isn't a container's at all.
func TestGC(t *testing.T) {
	harness.UseTagged(t, "faultpoints")
	for _, c := range []struct {
		name string
		edit harness.Edit
	}{
		{"host root", func(*specs.Spec) {}},
		{"user namespace", harness.MappedRoot},
		{"caller's mounts", harness.WithoutNS(specs.MountNamespace)},
		{"shared pid namespace", harness.WithoutNS(specs.PIDNamespace)},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			inv := harness.Take()
			b := sleeper(t, c.edit)
			if err := os.Link(b.Rootfs+"/bin/sleep", filepath.Dir(b.Dir)+"/sleep"); err != nil { // in reach when something is mounted there
				t.Fatal(err)
			}
			for range 3 { // how long it takes
				b.Container(t, "create")
				remove(t, b, inv, "no kill")
			}
			whole := b.Container(t, "create").Elapsed
			b.Must(t, "start")
			running := b.State(t).Pid
			others := besides(t, b)
			ids := killCreates(t, b, rounds(200, 20), whole)

			left := entries(t, b)
			live := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !strings.Contains(b.Run(t, "state", id).Stdout, `"status": "created"`) })
			dead := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(left, id) || slices.Contains(live, id) })
			t.Logf("%d creates, of which %d have left something, and %d are alive", len(ids), len(dead), len(live))
			if len(dead) == 0 {
				t.Error("nothing is left: this test tests nothing")
			}
			found := gc(t, b, "--stopped")
			if names := removable(found); !slices.Equal(names, dead) {
				t.Errorf("found %q\nwant  %q", names, dead)
			}
			if now := entries(t, b); !slices.Equal(now, left) {
				t.Errorf("gc without --apply has removed something: %q, were %q", now, left)
			}
			if names := removable(gc(t, b, "--stopped", "--apply")); !slices.Equal(names, dead) {
				t.Errorf("applied to %q\nwant       %q", names, dead)
			}
			for _, line := range found {
				for _, thing := range line.Things {
					if _, err := os.Stat(thing.Name); err == nil && line.Keep == "" && thing.Kind != "mount" {
						t.Errorf("%s %s is there", thing.Kind, thing.Name)
					}
				}
			}
			want := slices.DeleteFunc(left, func(id string) bool { return slices.Contains(dead, id) })
			if now := entries(t, b); !slices.Equal(now, want) {
				t.Errorf("left: %q\nwant  %q", now, want)
			}
			if s := b.State(t); s.Status != specs.StateRunning || s.Pid != running {
				t.Errorf("the running container is %+v", s)
			}
			if names := removable(gc(t, b)); len(names) > 0 {
				t.Errorf("found again: %q", names)
			}
			others()
			for _, id := range live {
				b.Run(t, "delete", "--force", id).Silent(t)
			}
			remove(t, b, inv, "gc")
		})
	}
}

// Processes that an init has left in a pid namespace of others keep gc from what is theirs.
func TestGCProcesses(t *testing.T) {
	harness.NeedRung(t, "has gc")
	b := harness.New(t, harness.Shell("sleep 600 & exit"), harness.WithoutNS(specs.PIDNamespace))
	first, _ := b.Create(t)
	b.Must(t, "start")
	harness.Wait(t, first)
	var pid int
	if text := strings.TrimSpace(b.Run(t, "ps", "--format", "json", b.ID).Stdout); json.Unmarshal([]byte(strings.Trim(text, "[]")), &pid) != nil {
		t.Fatalf("processes %s, want one", text)
	}
	for _, gone := range []string{"", "state.json"} { // a container that has ended; a create that died
		if gone != "" {
			if err := os.Remove(filepath.Join(b.Root, b.ID, gone)); err != nil {
				t.Fatal(err)
			}
		}
		found := gc(t, b, "--stopped", "--apply")
		if len(found) != 1 || found[0].Keep != "processes live in its cgroup: 1" || !alive(pid) {
			t.Errorf("without %q: found %+v, and the process lives: %v", gone, found, alive(pid))
		}
	}
	unix.Kill(pid, unix.SIGKILL)
	harness.Wait(t, pid)
	if names := removable(gc(t, b, "--apply")); !slices.Equal(names, []string{b.ID}) {
		t.Errorf("found %q when nothing lives any more", names)
	}
}

// Of a container of another boot nothing but its entry is touched: its cgroup and who is in that are somebody else's.
func TestGCOtherBoot(t *testing.T) {
	harness.NeedRung(t, "has gc")
	for name, reboot := range map[string]func(*testing.T, string){
		"record": otherBoot, "intent": both(otherBoot, without("state.json")), "empty": both(empty("state.json", "intent.json", "progress"), older),
	} {
		t.Run(name, func(t *testing.T) {
			b := sleeper(t)
			pid, _ := b.Create(t)
			t.Cleanup(func() {
				unix.Kill(pid, unix.SIGKILL)
				harness.Wait(t, pid)
				removeCgroups(t, b)
			})
			reboot(t, filepath.Join(b.Root, b.ID))
			found := gc(t, b, "--apply")
			if len(found) != 1 || found[0].Reason != "other-boot" || found[0].Keep != "" || len(found[0].Things) != 1 {
				t.Errorf("found %+v, want the entry alone", found)
			}
			if !alive(pid) {
				t.Error("the stranger was killed")
			}
			if left := entries(t, b); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// A delete that was killed while poststop hooks ran goes on, with those that haven't succeeded.
func TestGCPoststop(t *testing.T) {
	harness.NeedRung(t, "has gc")
	b, out := waitsAt(t)
	call := deletion(b).Start(t)
	until(t, out, "0 1 2")
	if found := gc(t, b, "--apply"); len(found) != 1 || found[0].Reason != "busy" || found[0].Keep != "another process is at work on it" {
		t.Errorf("found %+v while hooks run", found)
	}
	call.Process.Kill()
	call.Wait(t)
	release(t, out)
	found := gc(t, b)
	if len(found) != 1 || found[0].Reason != "delete-died" || found[0].Keep != "" || found[0].Things[0].Kind != "poststop-hooks" || found[0].Things[0].Name != "3" {
		t.Errorf("found %+v, want three hooks to be run", found)
	}
	r := b.Run(t, "gc", "--apply")
	if r.Code != 0 || !strings.Contains(r.Stdout, "ran 3 poststop hook(s) of container "+b.ID+": its delete died\n") {
		t.Errorf("%v", r)
	}
	if got := begun(out); got != "0 1 2 1 2 3" {
		t.Errorf("hooks that have begun: %s", got)
	}
	harness.Reap()
}

// What others do meanwhile, gc is in the way of nothing, and takes nothing of it for garbage.
func TestGCBeside(t *testing.T) {
	harness.NeedRung(t, "has gc")
	b := sleeper(t)
	for range rounds(100, 15) {
		var calls []*harness.Proc
		sweep := func() {
			calls = append(calls, (&harness.Cmd{Args: []string{"--root", b.Root, "gc", "--apply"}}).Start(t))
		}
		sweep()
		pid, _ := b.Create(t)
		sweep()
		b.Must(t, "start")
		sweep()
		b.Must(t, "kill", "KILL")
		harness.Wait(t, pid)
		sweep()
		b.Must(t, "delete")
		for _, call := range calls {
			if r := call.Wait(t); r.Code != 0 || r.Stderr != "" || strings.Contains(r.Stdout, "removed") {
				t.Errorf("%v", r)
			}
		}
	}
}

// besides puts into the state directory what gc must not touch: a container that has ended and whose lock is held, an
// entry without a record that is locked, and directories that are nobody's. The function checks that they are there, and removes them.
func besides(t *testing.T, b *harness.Bundle) func() {
	t.Helper()
	ended := b.ID + "-ended"
	create(t, b, ended).Wait(t).Silent(t)
	b.Run(t, "kill", ended, "KILL").Silent(t)
	harness.Reap()
	dirs := map[string]string{
		ended:          "",
		b.ID + "-new":  "intent.json",
		"another":      "container.json",
		"another-file": "state.json",
	}
	for name, file := range dirs {
		dir := filepath.Join(b.Root, name)
		if file == "" {
			continue
		}
		text := `{"format": 1, "id": "` + name + `"}`
		if err := os.Mkdir(dir, 0o711); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open := filepath.Join(b.Root, "empty") // a mount point, say
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	dirs["empty"] = ""
	var locks []*os.File
	for _, name := range []string{ended, b.ID + "-new"} {
		f, err := os.Open(filepath.Join(b.Root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		locks = append(locks, f)
	}
	return func() {
		for name, file := range dirs {
			if _, err := os.Stat(filepath.Join(b.Root, name, file)); err != nil {
				t.Errorf("gc has touched %s: %v", name, err)
			}
		}
		for _, f := range locks {
			f.Close()
		}
		if names := removable(gc(t, b, "--stopped", "--apply")); !slices.Equal(names, []string{ended, b.ID + "-new"}) {
			t.Errorf("found, now that nobody has their locks: %q", names)
		}
		for _, name := range []string{"another", "another-file", "empty"} {
			if err := os.RemoveAll(filepath.Join(b.Root, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// killCreates has creates killed, one half at a point with a name and the other at some time, and returns their ids.
func killCreates(t *testing.T, b *harness.Bundle, n int, whole time.Duration) (ids []string) {
	t.Helper()
	points := slices.Concat(createPoints, buildPoints)
	for i := range 10 {
		points = append(points, fmt.Sprintf("step:%d", i))
	}
	for i := range n {
		id := fmt.Sprintf("%s-%03d", b.ID, i)
		ids = append(ids, id)
		if i%2 == 0 {
			create(t, b, id, "RUNG_FAULT="+points[rand.IntN(len(points))]).Wait(t)
			continue
		}
		call := create(t, b, id)
		time.Sleep(rand.N(whole * 5 / 4)) // the moment is what varies
		call.Process.Kill()
		call.Wait(t)
	}
	harness.Reap()
	return ids
}

// create begins to create another container like a bundle's, with a bundle, a root filesystem and a cgroup of its own.
func create(t *testing.T, b *harness.Bundle, id string, env ...string) *harness.Proc {
	t.Helper()
	own := *b
	own.ID, own.Dir = id, filepath.Join(filepath.Dir(b.Dir), id)
	own.Rootfs = own.Dir + "/rootfs"
	for _, dir := range []string{"bin", "dev", "etc", "proc", "root", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(own.Rootfs, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Dir(b.Dir)+"/sleep", own.Rootfs+"/bin/sleep"); err != nil {
		t.Fatal(err)
	}
	own.Chown(t)
	linux := *b.Spec.Linux
	linux.CgroupsPath = "/" + id
	spec := *b.Spec
	spec.Linux = &linux
	own.Spec = &spec
	own.Save(t)
	t.Cleanup(func() {
		if t.Failed() {
			b.Run(t, "delete", "--force", id)
		}
	})
	return with(own.Cmd("create"), env...).Start(t)
}

type leftover struct {
	ID, Reason, Keep, Error string
	Things                  []struct{ Kind, Name string }
}

// gc is what gc says.
func gc(t *testing.T, b *harness.Bundle, args ...string) (found []leftover) {
	t.Helper()
	r := b.Run(t, append([]string{"gc", "--format", "json"}, args...)...)
	r.Silent(t)
	var doc struct{ Found []leftover }
	if err := json.Unmarshal([]byte(r.Stdout), &doc); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	return doc.Found
}

// removable are the ids of what isn't kept.
func removable(list []leftover) (ids []string) {
	for i := range list {
		if list[i].Keep == "" {
			ids = append(ids, list[i].ID)
		}
	}
	return ids
}

// entries are the names in a state directory.
func entries(t *testing.T, b *harness.Bundle) (names []string) {
	t.Helper()
	list, err := os.ReadDir(b.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// TestGCElsewhere calls gc in another pid namespace, where the ids of the records are other processes' or nobody's: nothing that lives is taken away.
func TestGCElsewhere(t *testing.T) {
	harness.NeedRung(t, "rung gc")
	b := harness.New(t, harness.Args("/bin/sleep", "600"), func(s *specs.Spec) { s.Linux.Resources = nil })
	call := b.Cmd("create")
	call.Args = append([]string{"--cgroup-manager", "disabled"}, call.Args...)
	pid, _ := b.CreateBy(t, call)
	gc := &harness.Cmd{Via: []string{"unshare", "-p", "-f", "--mount-proc"}, Args: []string{"--root", b.Root, "gc", "--stopped", "--apply"}}
	const kept = "its first process isn't seen, but it was created in another pid namespace, and may live there"
	if r := gc.Run(t); !strings.Contains(r.Stdout, kept) {
		t.Errorf("%v", r)
	}
	b.WaitStatus(t, specs.StateCreated)
	// Without a record the identity says so.
	record := filepath.Join(b.Root, b.ID, "state.json")
	if err := os.Rename(record, b.Dir+"/record"); err != nil {
		t.Fatal(err)
	}
	if r := gc.Run(t); !strings.Contains(r.Stdout, kept) {
		t.Errorf("without a record: %v", r)
	}
	elsewhere(t, b, "delete", "--force", b.ID).Fails(t, 1, "and it has no cgroup by which to end it")
	if r := b.Run(t, "gc", "--apply"); r.Stdout != "kept container "+b.ID+": its record is gone, but its first process lives\n" {
		t.Errorf("here: %v", r)
	}
	if err := os.Rename(b.Dir+"/record", record); err != nil {
		t.Fatal(err)
	}
	b.End(t, pid)
}
