package checkpoint

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// A paused container can be dumped, and is paused still if that fails or it is left running.
func TestPaused(t *testing.T) {
	need(t)
	x := begun(t)
	err := caught(func() {
		x.must(t, "pause", x.ID)
		before := x.read()
		x.checkpoint(t, x.images(), "--leave-running")
		if r := x.call(t, "state", x.ID); !strings.Contains(r.Stdout, `"paused"`) {
			t.Errorf("after a dump that leaves it running: %v", r)
		}
		p := x.cmd("checkpoint", "--image-path", x.Dir+"/second", x.ID).Start(t)
		killed(t, p, x.Dir+"/second/dump.log", "Seized task")
		p.Wait(t).Fails(t, 1, "signal: killed")
		if r := x.call(t, "state", x.ID); !strings.Contains(r.Stdout, `"paused"`) {
			t.Errorf("after a dump that failed: %v", r)
		}
		os.RemoveAll(x.images())
		x.checkpoint(t, x.images())
		x.gone(t)
		x.restored(t, x.images())
		x.goesOn(before)
		x.end(t)
	})
	if err != nil {
		t.Error(err)
	}
}

// A standard stream that is a file is the file of the restore's caller, which has to be as it was: that of an engine that appends to its log.
func TestStreams(t *testing.T) {
	need(t)
	x := newTrial(t, "", harness.Shell("i=0; while :; do i=$((i+1)); echo $i; echo $i >/data/n; usleep 50000; done"))
	x.files = true
	open := func() *os.File {
		f, err := os.OpenFile(x.Dir+"/log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	count := func() int {
		text, _ := os.ReadFile(x.Dir + "/log")
		return len(strings.Fields(string(text)))
	}
	err := caught(func() {
		x.stdout = open()
		x.start(t)
		x.checkpoint(t, x.images())
		x.gone(t)
		before, lines := x.last(), count()
		c := x.cmd(slices.Concat(x.restoreArgs()[:2], []string{"--pid-file", x.Dir + "/pid"}, x.restoreArgs()[2:])...)
		c.Stdout = open()
		os.Remove(x.Dir + "/pid")
		if r := c.Run(t); r.Code != 0 {
			fail("%v", r)
		}
		x.pid = harness.PID(t, x.Dir+"/pid")
		x.goesOn(before)
		x.until("more output", func() bool { return count() > lines+3 })
		x.end(t)
	})
	if err != nil {
		t.Error(err)
	}
}

// In the foreground restore is as run: it passes signals on, exits with the container's code and deletes it. Hooks run where runc has them.
func TestForeground(t *testing.T) {
	need(t)
	dir := harness.TempDir(t)
	hook := func(name string) specs.Hook {
		return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "cat >" + dir + "/$1.json; echo $1 >>" + dir + "/order", "sh", name}}
	}
	x := begun(t, harness.Shell("trap 'exit 7' TERM; "+counting("/data/n")), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{
			Prestart: []specs.Hook{hook("prestart")}, CreateRuntime: []specs.Hook{hook("createRuntime")}, CreateContainer: []specs.Hook{hook("createContainer")},
			Poststart: []specs.Hook{hook("poststart")}, Poststop: []specs.Hook{hook("poststop")},
		}
	})
	err := caught(func() {
		x.checkpoint(t, x.images())
		x.gone(t)
		if order, _ := os.ReadFile(dir + "/order"); !strings.HasSuffix(string(order), "poststop\n") {
			t.Errorf("hooks until the checkpoint has succeeded: %q", order)
		}
		os.Remove(dir + "/order")
		args := slices.DeleteFunc(x.restoreArgs("--pid-file", x.Dir+"/fg"), func(s string) bool { return s == "--detach" })
		p := x.cmd(args...).Start(t)
		harness.UntilFile(t, x.Dir+"/fg")
		x.pid = harness.PID(t, x.Dir+"/fg")
		x.goesOn(x.last())
		p.Process.Signal(unix.SIGTERM)
		if r := p.Wait(t); r.Code != 7 {
			t.Errorf("want exit code 7: %v", r)
		}
		x.nothing(t)
		if order, _ := os.ReadFile(dir + "/order"); string(order) != "prestart\ncreateRuntime\npoststop\n" {
			t.Errorf("hooks of a restore: %q", order)
		}
		if state, _ := os.ReadFile(dir + "/createRuntime.json"); !strings.Contains(string(state), `"status":"creating"`) {
			t.Errorf("state of createRuntime: %s", state)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// A hook that fails ends a restore, of which nothing is left.
func TestHookFails(t *testing.T) {
	need(t)
	x := dumped(t)
	x.Spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/false"}}}
	x.Save(t)
	x.call(t, x.restoreArgs()...).Fails(t, 1, "error running createRuntime hook #0: exit status 1")
	x.ReapAll(t)
	x.nothing(t)
}

// Images are restored under another id, with another cgroup, and a root filesystem without the mount points: as podman does from an archive.
func TestElsewhere(t *testing.T) {
	need(t)
	dir := harness.TempDir(t)
	bind := harness.AddMount(specs.Mount{Destination: "/made/by/mount", Type: "bind", Source: dir, Options: []string{"rbind"}})
	x := dumped(t, bind)
	y := newTrial(t, "", bind)
	if _, err := os.Stat(y.Rootfs + "/made"); err == nil {
		t.Fatal("the mount point is there")
	}
	if err := os.WriteFile(y.Rootfs+"/data/n", fmt.Append(nil, x.last()), 0o644); err != nil {
		t.Fatal(err)
	}
	err := caught(func() {
		y.restored(t, x.images())
		y.goesOn(x.last())
		if text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", y.pid)); !strings.HasSuffix(strings.TrimSpace(string(text)), "/"+y.ID) {
			t.Errorf("it is in cgroup %s, not in %s", text, y.ID)
		}
		y.end(t)
	})
	if err != nil {
		t.Error(err)
	}
	if list, _ := os.ReadDir(y.Rootfs + "/dev"); len(list) > 0 {
		t.Errorf("made in the root filesystem: %v", list)
	}
}

// A restore changes nothing of the host's mounts, and makes none that others see.
func TestHostMounts(t *testing.T) {
	need(t)
	read := func() string {
		text, _ := os.ReadFile("/proc/self/mountinfo")
		return string(text)
	}
	before := read()
	x := dumped(t)
	if now := read(); now != before {
		t.Errorf("a dump has changed mounts from\n%s\nto\n%s", before, now)
	}
	seen := map[string]bool{}
	p := x.cmd(slices.Concat(x.restoreArgs()[:2], []string{"--pid-file", x.Dir + "/pid"}, x.restoreArgs()[2:])...).Start(t)
	os.Remove(x.Dir + "/pid")
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		seen[read()] = true
		if _, err := os.Stat(x.Dir + "/pid"); err == nil {
			break
		}
	}
	if r := p.Wait(t); r.Code != 0 {
		t.Fatal(r)
	}
	x.pid = harness.PID(t, x.Dir+"/pid")
	delete(seen, before)
	for text := range seen {
		t.Errorf("while it restores, mounts are\n%s\nand were\n%s", text, before)
	}
	if err := caught(func() { x.end(t) }); err != nil {
		t.Error(err)
	}
}

// With lazy pages a container runs before it has its memory: another one, of the same images, that fetches it from the first's checkpoint.
func TestLazyPages(t *testing.T) {
	need(t)
	x := begun(t)
	y := newTrial(t, "")
	y.Spec.Root.Path = x.Rootfs // whose files are open
	y.Save(t)
	port := freePort(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := x.cmd("checkpoint", "--lazy-pages", "--page-server", fmt.Sprintf("127.0.0.1:%d", port), "--status-fd", "3",
		"--image-path", x.images(), "--work-path", x.images()+".work", x.ID)
	c.Files = []*os.File{w}
	p := c.Start(t)
	w.Close()
	r.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the pages aren't ready: %v", err)
	}
	work := harness.TempDir(t)
	pages := background(t, work, "criu", "lazy-pages", "--images-dir", x.images(), "--work-dir", work, "--page-server", "--address", "127.0.0.1",
		"--port", fmt.Sprint(port), "--log-file", work+"/lazy.log", "--status-fd", "1")
	pages.ready(t)
	err = caught(func() {
		os.Remove(y.Dir + "/pid")
		y.must(t, "restore", "--detach", "--lazy-pages", "--bundle", y.Dir, "--image-path", x.images(), "--work-path", work, "--pid-file", y.Dir+"/pid", y.ID)
		y.pid = harness.PID(t, y.Dir+"/pid")
		y.goesOn(x.last())
		pages.wait(t)
		if r := p.Wait(t); r.Code != 0 {
			t.Error(r)
		}
		x.gone(t)
		y.end(t)
	})
	if err != nil {
		log, _ := os.ReadFile(work + "/lazy.log")
		t.Errorf("%v\n%s", err, log[max(0, len(log)-1500):])
	}
}

// In strict mode a restore wants none of the container's cgroups to be there before, and makes nothing then.
func TestStrict(t *testing.T) {
	need(t)
	x := begun(t)
	err := caught(func() {
		x.checkpoint(t, x.images())
		x.gone(t)
		dirs := harness.CgroupDirs(x.Spec.Linux.CgroupsPath)
		if err := os.MkdirAll(dirs[0], 0o755); err != nil {
			t.Fatal(err)
		}
		r := x.call(t, "restore", "--detach", "--bundle", x.Dir, "--image-path", x.images(), "--work-path", x.images()+".work", "--manage-cgroups-mode", "strict", x.ID)
		r.Fails(t, 1, "in strict mode a restore makes all itself")
		if r := x.call(t, "state", x.ID); r.Code == 0 {
			t.Errorf("it is there: %v", r)
		}
		if err := os.Remove(dirs[0]); err != nil { // nor has it been taken away
			t.Error(err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}
