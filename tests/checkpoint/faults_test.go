package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// lives checks that a checkpoint that failed has left the container as it was.
func (x *trial) lives(t *testing.T) {
	t.Helper()
	if r := x.call(t, "state", x.ID); r.Code != 0 || !strings.Contains(r.Stdout, `"status": "running"`) {
		t.Fatalf("the container is to run: %v", r)
	}
	if err := caught(func() { x.goesOn(1) }); err != nil {
		t.Fatal(err)
	}
}

// nothing checks that a restore that failed has left nothing. What isn't a container's the guard finds.
func (x *trial) nothing(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(x.Root); err == nil && len(left) > 0 {
		t.Errorf("left in the state directory: %v", left)
	}
	if _, err := os.Stat("/sys/fs/cgroup/" + x.ID); err == nil {
		t.Error("the cgroup is left")
	}
}

// begun makes a container that counts, or ends the test.
func begun(t *testing.T, edits ...harness.Edit) *trial {
	t.Helper()
	return begunAt(t, "/data/n", edits...)
}

// begunAt is begun of one that counts somewhere else.
func begunAt(t *testing.T, count string, edits ...harness.Edit) *trial {
	t.Helper()
	x := newTrial(t, "", edits...)
	x.count = count
	if err := caught(func() { x.start(t) }); err != nil {
		t.Fatal(err)
	}
	return x
}

// dumped makes images of a container that is no more.
func dumped(t *testing.T, edits ...harness.Edit) *trial {
	t.Helper()
	x := begun(t, edits...)
	if err := caught(func() { x.checkpoint(t, x.images()); x.gone(t) }); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *trial) restoreArgs(flags ...string) []string {
	return slices.Concat([]string{"restore", "--detach", "--bundle", x.Dir, "--image-path", x.images(), "--work-path", x.images() + ".work"}, flags, []string{x.ID})
}

// A container without CRIU on the host: a clear error, and nothing else. It needs none.
func TestAbsent(t *testing.T) {
	x := plain(t)
	c := x.cmd("checkpoint", "--image-path", x.images(), x.ID)
	c.Env = []string{"PATH=/nonexistent"}
	c.Run(t).Fails(t, 1, "checkpoint: criu isn't installed: there is no program criu in PATH=/nonexistent")
	x.lives(t)
	if _, err := os.Stat(x.images()); err == nil {
		t.Error("a directory for images was made")
	}
	x.End(t, x.pid)
	c = x.cmd(x.restoreArgs()...)
	c.Env = []string{"PATH=/nonexistent"}
	c.Run(t).Fails(t, 1, "restore: criu isn't installed")
	x.nothing(t)
}

// plain makes a container that counts, with or without CRIU.
func plain(t *testing.T, edits ...harness.Edit) *trial {
	t.Helper()
	x := &trial{count: "/data/n"}
	x.Bundle = harness.New(t, append([]harness.Edit{harness.Shell(counting("/data/n")), writableRoot}, edits...)...)
	if err := os.Mkdir(x.Rootfs+"/data", 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.call(t, "delete", "--force", x.ID); x.ReapAll(t) })
	if err := caught(func() { x.start(t) }); err != nil {
		t.Fatal(err)
	}
	return x
}

// fake makes a program of a shell script that is found as CRIU.
func fake(t *testing.T, script string) (path string) {
	t.Helper()
	dir := harness.TempDir(t)
	if err := os.WriteFile(dir+"/criu", []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + dir + ":/usr/sbin:/usr/bin:/sbin:/bin"
}

// A CRIU that hangs is killed, and one that ends without a word is told of with what it has printed.
func TestSick(t *testing.T) {
	harness.Once(t)
	x := plain(t)
	for script, want := range map[string]string{
		"exec sleep 1000":               "criu: it has shown no sign of life for",
		"echo it is broken >&2; exit 3": "criu has ended: exit status 3: it is broken",
		"kill -SEGV $$":                 "criu has ended: signal: segmentation fault",
	} {
		c := x.cmd("checkpoint", "--image-path", x.images(), "--timeout", "1", x.ID)
		c.Env = []string{fake(t, script)}
		start := time.Now()
		c.Run(t).Fails(t, 1, want)
		if took := time.Since(start); took > 40*time.Second {
			t.Errorf("%s: it took %v", script, took)
		}
		x.lives(t)
	}
}

// A link in the place of a directory isn't followed, but for the caller's own as work directory, as which containerd gives one.
func TestLinks(t *testing.T) {
	x := plain(t)
	elsewhere := harness.TempDir(t)
	if err := os.Symlink(elsewhere, x.images()); err != nil {
		t.Fatal(err)
	}
	env := []string{fake(t, "exit 3")}
	stranger := x.Dir + "/link"
	if err := errors.Join(os.Symlink(elsewhere, stranger), os.Lchown(stranger, 4711, 4711)); err != nil {
		t.Fatal(err)
	}
	for flag, link := range map[string]string{"--image-path": x.images(), "--work-path": stranger} {
		args := []string{"checkpoint", "--image-path", x.Dir + "/other", flag, link, x.ID}
		c := x.cmd(args...)
		c.Env = env
		c.Run(t).Fails(t, 1, "directory "+link+": it is a symbolic link")
	}
	if list, _ := os.ReadDir(elsewhere); len(list) > 0 {
		t.Errorf("written behind a link: %v", list)
	}
	for _, to := range []string{elsewhere, "../" + filepath.Base(x.Dir) + "/there"} { // absolute, relative
		own := x.Dir + "/own"
		os.Remove(own)
		if err := os.Symlink(to, own); err != nil {
			t.Fatal(err)
		}
		c := x.cmd("checkpoint", "--image-path", x.Dir+"/other", "--work-path", own, x.ID)
		c.Env = env
		c.Run(t).Fails(t, 1, "criu has ended: exit status 3")
	}
	if st, err := os.Stat(x.Dir + "/there"); err != nil || !st.IsDir() {
		t.Errorf("no work directory where the link leads: %v", err)
	}
	x.lives(t)
	x.End(t, x.pid)
	c := x.cmd(x.restoreArgs()...)
	c.Env = env
	c.Run(t).Fails(t, 1, "image directory "+x.images()+": it is a symbolic link")
	x.nothing(t)
	if list, _ := os.ReadDir(elsewhere); len(list) > 0 {
		t.Errorf("written behind the link: %v", list)
	}
}

// killed waits until a log of CRIU's has a word, and kills the CRIU that a call has started.
func killed(t *testing.T, p *harness.Proc, log, word string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(log)
		if !strings.Contains(string(text), word) {
			continue
		}
		for _, pid := range harness.Children(p.Process.Pid) {
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			if strings.TrimSpace(string(comm)) == "criu" {
				if err := unix.Kill(pid, unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatalf("%v has no child criu any more", p.Args)
	}
	t.Fatalf("%s never says %q", log, word)
}

// The container of a dump whose CRIU was killed runs on.
func TestKilledDump(t *testing.T) {
	need(t)
	for _, word := range []string{"freezing cgroup", "Seized task", "Obtaining task", "Dumping opened files", "Dumping pages", "Dumping mm"} {
		t.Run(word, func(t *testing.T) {
			x := begun(t)
			p := x.cmd("checkpoint", "--image-path", x.images(), x.ID).Start(t)
			killed(t, p, x.images()+"/dump.log", word)
			p.Wait(t).Fails(t, 1, "criu has ended: signal: killed")
			x.lives(t)
			// And it can be dumped.
			os.RemoveAll(x.images())
			if err := caught(func() { x.checkpoint(t, x.images()); x.gone(t) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing is left of a restore whose CRIU was killed.
func TestKilledRestore(t *testing.T) {
	need(t)
	x := dumped(t)
	for _, word := range []string{"Reading image tree", "Forking task", "mnt-v2: ", "Restoring resources", "Restore via sigreturn", "seccomp: mode"} {
		t.Run(word, func(t *testing.T) {
			os.RemoveAll(x.images() + ".work")
			p := x.cmd(x.restoreArgs()...).Start(t)
			killed(t, p, x.images()+".work/restore.log", word)
			if r := p.Wait(t); r.Code != 1 {
				t.Errorf("want a failure: %v", r)
			}
			x.ReapAll(t)
			x.nothing(t)
		})
	}
	if err := caught(func() { x.restored(t, x.images()); x.goesOn(x.last()); x.end(t) }); err != nil {
		t.Error(err)
	}
}

// Of a restore that was killed itself, delete --force removes what is left, CRIU included.
func TestKilledRuntime(t *testing.T) {
	need(t)
	x := dumped(t)
	p := x.cmd(x.restoreArgs()...).Start(t)
	log := x.images() + ".work/restore.log"
	harness.UntilFile(t, log)
	p.Process.Kill()
	p.Cmd.Wait()
	if r := x.call(t, "delete", "--force", x.ID); r.Code != 0 {
		t.Error(r)
	}
	x.ReapAll(t)
	x.nothing(t)
}

// A full disk, or an image directory that can't be written to.
func TestDiskFull(t *testing.T) {
	need(t)
	x := begun(t)
	if err := os.Mkdir(x.images(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, size := range []string{"size=4k", "size=64k"} {
		if err := unix.Mount("full", x.images(), "tmpfs", 0, size); err != nil {
			t.Fatal(err)
		}
		r := x.call(t, "checkpoint", "--image-path", x.images(), "--work-path", x.images()+".work", x.ID)
		if err := unix.Unmount(x.images(), unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if r.Code != 1 || !strings.Contains(r.Stderr, "No space left on device") && !strings.Contains(r.Stderr, "no space left on device") && !strings.Contains(r.Stderr, "criu failed: type DUMP") {
			t.Errorf("%s: %v", size, r)
		}
		x.lives(t)
	}
}

// Images that are damaged are an error, of which nothing is left.
func TestDamaged(t *testing.T) {
	need(t)
	x := dumped(t)
	whole := x.images() + ".whole"
	if err := os.Rename(x.images(), whole); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []string{"missing", "truncated", "corrupt", "empty"} {
		for _, e := range list {
			name := e.Name()
			if !slices.Contains([]string{"inventory.img", "core-1.img", "mm-1.img", "pages-1.img", "files.img", "pstree.img", "descriptors.json", "rung.json"}, name) && !strings.HasPrefix(name, "mountpoints") {
				continue
			}
			t.Run(damage+" "+name, func(t *testing.T) {
				os.RemoveAll(x.images())
				if err := os.CopyFS(x.images(), os.DirFS(whole)); err != nil {
					t.Fatal(err)
				}
				spoil(t, filepath.Join(x.images(), name), damage)
				r := x.call(t, x.restoreArgs()...)
				x.ReapAll(t)
				if r.Code == 0 {
					x.call(t, "delete", "--force", x.ID)
					if damage == "corrupt" && strings.HasSuffix(name, ".img") || damage == "truncated" && name == "pages-1.img" {
						return // what CRIU has no sum of, it can't tell from what it was
					}
					t.Errorf("want a failure: %v", r)
				}
				if len(strings.Split(strings.TrimSpace(r.Stderr), "\n")) > 1 {
					t.Errorf("want one line: %v", r)
				}
				x.nothing(t)
			})
		}
	}
}

func spoil(t *testing.T, file, damage string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	switch damage {
	case "missing":
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return
	case "truncated":
		text = text[:len(text)/2]
	case "empty":
		text = nil
	case "corrupt":
		for i := 4; i < len(text); i += 7 {
			text[i] ^= 0xa5
		}
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Images of another container, whose bundle this isn't, are an error.
func TestAnother(t *testing.T) {
	need(t)
	dir := harness.TempDir(t)
	bind := harness.AddMount(specs.Mount{Destination: "/bind", Type: "bind", Source: dir, Options: []string{"rbind"}})
	x := dumped(t, bind)
	x.Spec.Mounts = x.Spec.Mounts[:len(x.Spec.Mounts)-1]
	x.Save(t)
	r := x.call(t, x.restoreArgs()...)
	r.Fails(t, 1, "the images have a mount from outside at /bind, and the configuration has none")
	x.ReapAll(t)
	x.nothing(t)

	// One whose files aren't there.
	y := newTrial(t, "")
	y.Spec.Mounts = append(y.Spec.Mounts, specs.Mount{Destination: "/bind", Type: "bind", Source: dir, Options: []string{"rbind"}})
	y.Save(t)
	if err := os.Remove(y.Rootfs + "/bin/sh"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(y.Rootfs + "/bin"); err != nil {
		t.Fatal(err)
	}
	args := y.restoreArgs()
	args[slices.Index(args, y.images())] = x.images()
	if r := y.call(t, args...); r.Code != 1 || !strings.Contains(r.Stderr, "criu failed: type RESTORE") {
		t.Errorf("want a failure: %v", r)
	}
	y.ReapAll(t)
	y.nothing(t)
}

// What can't be dumped, and with which status.
func TestStates(t *testing.T) {
	x := plain(t)
	env := []string{fake(t, "exit 3")}
	ask := func(args ...string) *harness.Result {
		c := x.cmd(append(append([]string{"checkpoint", "--image-path", x.images()}, args...), x.ID)...)
		c.Env = env
		return c.Run(t)
	}
	ask("--parent-path", "/abs").Fails(t, 1, "parent images /abs: the path has to be relative to the image directory")
	ask("--parent-path", "../none").Fails(t, 1, "parent images: stat "+x.Dir+"/none: no such file or directory")
	ask("--lazy-pages", "--status-fd", "77").Fails(t, 1, "invalid --status-fd argument 77: bad file descriptor")
	ask("--lazy-pages", "--status-fd", "0").Fails(t, 1, "invalid --status-fd argument 0: not writable")
	unix.Kill(x.pid, syscall.SIGKILL)
	harness.Wait(t, x.pid)
	ask().Fails(t, 1, "container cannot be checkpointed in stopped state")
	c := x.cmd(x.restoreArgs()...)
	c.Env = env
	c.Run(t).Fails(t, 1, "no such file or directory")
	x.Must(t, "delete")
	pid, _ := x.Create(t)
	ask().Fails(t, 1, "container cannot be checkpointed in created state")
	x.End(t, pid)
}
