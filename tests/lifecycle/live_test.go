package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// within runs a script in a container.
func within(t *testing.T, b *harness.Bundle, script string) string {
	t.Helper()
	r := b.Run(t, "exec", b.ID, "/bin/sh", "-c", script)
	return r.Stdout + r.Stderr
}

// mountIn is the line of mountinfo for a path in a container; "" if there is none.
func mountIn(t *testing.T, pid int, at string) string {
	t.Helper()
	found := ""
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/mountinfo", pid))) {
		if f := strings.Fields(line); f[4] == at {
			found = line
		}
	}
	return found
}

// readonlyMount is a file system that the host has read-only, which root of a user namespace must not change.
func readonlyMount(t *testing.T) string {
	t.Helper()
	dir := harness.TempDir(t)
	harness.IgnoreMounts(dir)
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestLiveMounts mounts things in containers that run, and takes them away.
func TestLiveMounts(t *testing.T) {
	harness.NeedRung(t, "rung mounts")
	for name, edits := range map[string][]harness.Edit{
		"plain": nil, "user namespace": {harness.MappedRoot}, "host pids": {harness.WithoutNS(specs.PIDNamespace)},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			src := harness.TempDir(t)
			if err := os.Chmod(src, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(src+"/file", []byte("host's"), 0o644); err != nil {
				t.Fatal(err)
			}
			locked := readonlyMount(t)
			b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600"), harness.Capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"), writable}, edits...)...)
			b.Chown(t)
			pid := b.Running(t)
			defer b.End(t, pid)
			run := func(args ...string) *harness.Result {
				t.Helper()
				return b.Run(t, append([]string{"mounts"}, args...)...)
			}

			run("add", "--options", "ro,nosuid,noexec", b.ID, src, "/new/dir").Silent(t)
			if got := within(t, b, "cat /new/dir/file; touch /new/dir/x"); !strings.HasPrefix(got, "host's") || !strings.Contains(got, "Read-only") {
				t.Errorf("a read-only bind: %q", got)
			}
			if line := mountIn(t, pid, "/new/dir"); !strings.Contains(line, " ro,nosuid,noexec") {
				t.Errorf("flags: %q", line)
			}
			run("add", b.ID, locked, "/locked").Silent(t)
			if got := within(t, b, "mount -o remount,bind,rw /locked && echo remounted"); strings.Contains(got, "remounted") == (name == "user namespace") {
				t.Errorf("what the host has read-only: %q", got)
			}
			run("add", "--type", "tmpfs", "--options", "size=1m,mode=1777,nodev", b.ID, "tmpfs", "/scratch").Silent(t)
			if got := within(t, b, "touch /scratch/x && stat -c %u /scratch/x; df -k /scratch | tail -n 1"); !strings.HasPrefix(got, "0\n") || !strings.Contains(got, "1024") {
				t.Errorf("a tmpfs: %q", got)
			}
			run("add", b.ID, src+"/file", "/etc/a-file").Silent(t)
			if got := within(t, b, "cat /etc/a-file"); got != "host's" {
				t.Errorf("a file: %q", got)
			}
			run("add", b.ID, src, "/new/dir").Fails(t, 1, "was added already")
			run("add", b.ID, src+"/none", "/x").Fails(t, 1, "no such file or directory")
			run("add", b.ID, src, "/").Fails(t, 1, "must not be the root")
			run("add", b.ID, src, "/proc/sys").Fails(t, 1, "inside /proc")
			run("add", "--type", "proc", b.ID, "proc", "/x").Fails(t, 1, "can't be added to a container that runs")
			run("add", "--options", "remount,ro", b.ID, src, "/new/dir2").Fails(t, 1, "flags of what is mounted can't be changed")
			if out := run("list", b.ID).Stdout; strings.Count(out, "true") != 4 {
				t.Errorf("list: %s", out)
			}
			if out := b.Run(t, "inspect", b.ID).Stdout; !strings.Contains(out, "/new/dir ") || !strings.Contains(out, "bind "+src+" ro,nosuid,noexec,bind") {
				t.Errorf("inspect: %s", out)
			}
			run("remove", b.ID, "/new/dir").Silent(t)
			run("remove", b.ID, "/etc/a-file").Silent(t)
			run("remove", b.ID, "/new/dir").Fails(t, 1, "no mount was added at /new/dir")
			if line := mountIn(t, pid, "/new/dir") + mountIn(t, pid, "/etc/a-file"); line != "" {
				t.Errorf("still there: %q", line)
			}
			// What the container has unmounted isn't there, and what it has mounted over stays.
			if got := within(t, b, "umount /scratch"); got != "" {
				t.Error(got)
			}
			if got := within(t, b, "mount -t tmpfs x /locked"); got != "" {
				t.Error(got)
			}
			run("remove", b.ID, "/locked").Fails(t, 1, "is covered in the container")
			run("add", b.ID, src, "/locked").Fails(t, 1, "is covered in the container")
			if out := run("list", "--format", "json", b.ID).Stdout; !strings.Contains(out, `"present": false`) {
				t.Errorf("list: %s", out)
			}
			if got := within(t, b, "umount /locked"); got != "" {
				t.Error(got)
			}
			run("remove", b.ID, "/locked").Silent(t)
			run("remove", b.ID, "/scratch").Silent(t) // which isn't there any more
			run("add", b.ID, "", "/x").Fails(t, 1, "the source of a mount is empty")
			// From within the root.
			run("add", "--options", "ro", b.ID, b.Dir+"/rootfs/bin", "/x").Silent(t)
			run("remove", b.ID, "/x").Silent(t)
			run("add", "--type", "tmpfs", b.ID, "tmpfs", "/scratch").Silent(t)
			run("remove", b.ID, "/scratch").Silent(t)
			if now := mountIn(t, os.Getpid(), src); now != "" {
				t.Errorf("on the host: %s", now)
			}
		})
	}
}

// TestLiveMountsRefused names why a container can't have any.
func TestLiveMountsRefused(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung mounts")
	ro := harness.New(t, harness.Args("/bin/sleep", "600"), func(s *specs.Spec) { s.Root.Readonly = true })
	first := ro.Running(t)
	ro.Run(t, "mounts", "add", ro.ID, "/etc", "/new/x").Fails(t, 1, "make directory /new/x: read-only file system")
	ro.Run(t, "mounts", "add", ro.ID, "/etc", "/bin").Silent(t)
	// What a record can't hold, nobody could remove.
	for _, args := range [][]string{
		{"mounts", "add", ro.ID, "/etc", "/tmp/\xff"},
		{"mounts", "add", ro.ID, "/etc\xff", "/bin"},
		{"mounts", "add", "-t", "tmpfs", "-o", "size=\xff", ro.ID, "x", "/bin"},
		{"devices", "add", ro.ID, "/dev/null", "/dev/\xff"},
	} {
		ro.Run(t, args...).Fails(t, 1, "isn't UTF-8, which is all that can be recorded")
	}
	ro.End(t, first)
	b := harness.New(t, harness.Args("/bin/sleep", "600"), harness.WithoutNS(specs.MountNamespace), unmounted)
	pid := b.Running(t)
	b.Run(t, "mounts", "add", b.ID, "/etc", "/x").Fails(t, 1, "no mount namespace of its own")
	b.End(t, pid)
	b.Run(t, "mounts", "add", b.ID, "/etc", "/x").Fails(t, 1, "container does not exist")
}

// exchange exchanges two files for each other, again and again, until stop is called.
func exchange(a, b string) (stop func()) {
	var end atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !end.Load() {
			_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
		}
	}()
	return func() {
		end.Store(true)
		<-done
	}
}

// TestLiveMountsRace exchanges a directory of the container's with a link to the host's paths while mounts are added there: nothing may land outside.
func TestLiveMountsRace(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung mounts")
	src, outside := harness.TempDir(t), harness.TempDir(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"), writable)
	root := filepath.Join(b.Dir, "rootfs")
	if err := os.Mkdir(root+"/a", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../../../../../../.."+outside, root+"/b"); err != nil {
		t.Fatal(err)
	}
	pid := b.Running(t)
	defer b.End(t, pid)
	stop := exchange(root+"/a", root+"/b")
	n := 60
	if testing.Short() {
		n = 15
	}
	added := 0
	for i := range n {
		at := fmt.Sprintf("/a/m%d/n", i)
		if r := b.Run(t, "mounts", "add", b.ID, src, at); r.Code == 0 {
			added++
			b.Run(t, "mounts", "remove", b.ID, at) // it may be elsewhere by now
		}
	}
	stop()
	if added == 0 {
		t.Error("no mount was added at all")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside of the root: %v, %v", left, err)
	}
	for line := range strings.Lines(read(t, "/proc/self/mountinfo")) {
		if strings.Contains(line, outside) {
			t.Errorf("mounted on the host: %s", line)
		}
	}
}

// TestLiveMountsSwapped adds mounts to a container that has renamed the directories of those it has: each stays on record, and can be removed.
func TestLiveMountsSwapped(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung mounts")
	src := harness.TempDir(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"), harness.Capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"), writable)
	pid := b.Running(t)
	defer b.End(t, pid)
	run := func(args ...string) *harness.Result {
		t.Helper()
		return b.Run(t, append([]string{"mounts"}, args...)...)
	}
	run("add", b.ID, src, "/a/x").Silent(t)
	run("add", b.ID, src, "/b/x").Silent(t)
	if got := within(t, b, "mv /a /c && mv /b /a && mv /c /b"); got != "" {
		t.Fatal(got)
	}
	run("add", b.ID, src, "/a/x").Fails(t, 1, "has moved there what was added at /b/x")
	if got := within(t, b, "mv /a /c"); got != "" { // what is on record at /a/x is at /b/x, where another one is recorded
		t.Fatal(got)
	}
	run("add", b.ID, src, "/a/x").Silent(t)
	if out := run("list", b.ID).Stdout; strings.Count(out, src) != 3 || strings.Count(out, "/b/x ") != 2 {
		t.Errorf("list: %s", out)
	}
	for _, at := range []string{"/b/x", "/b/x", "/a/x"} {
		run("remove", b.ID, at).Silent(t)
	}
	run("remove", b.ID, "/b/x").Fails(t, 1, "no mount was added at /b/x")
	for _, at := range []string{"/a/x", "/b/x", "/c/x"} {
		if line := mountIn(t, pid, at); line != "" {
			t.Errorf("still there: %q", line)
		}
	}
}

// TestLiveMountsMask exchanges the place of a mount for a link to a masked path while it is added, from within the root, and removed: the mask stays.
func TestLiveMountsMask(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung mounts")
	b := harness.New(t, harness.Args("/bin/sleep", "600"), writable, func(s *specs.Spec) { s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/masked") })
	root := b.Dir + "/rootfs"
	for _, dir := range []string{"/masked", "/a", "/b", "/a/x"} {
		if err := os.Mkdir(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.Write(t, "masked/secret", "x", 0o644)
	if err := os.Symlink("/masked", root+"/b/x"); err != nil {
		t.Fatal(err)
	}
	pid := b.Running(t)
	defer b.End(t, pid)
	stop := exchange(root+"/a", root+"/b")
	n := 100
	if testing.Short() {
		n = 20
	}
	for range n {
		b.Run(t, "mounts", "add", b.ID, root+"/bin", "/a/x")
		for range 3 {
			if b.Run(t, "mounts", "remove", b.ID, "/a/x").Code == 0 {
				break
			}
		}
	}
	stop()
	// A mount may have come to lie on the mask; but what is masked isn't seen.
	if got := within(t, b, "ls /masked"); strings.Contains(got, "secret") {
		t.Errorf("the mask is gone: %q", got)
	}
}

// TestLiveFull removes what was added where no record can be written any more: nothing is done then. And what the container has made of a device's directory is
// no obstacle, nor made anew.
func TestLiveFull(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung mounts")
	b := harness.New(t, harness.Args("/bin/sleep", "600"), harness.Capabilities("CAP_DAC_OVERRIDE"), writable)
	b.Root = harness.TempDir(t)
	harness.IgnoreMounts(b.Root)
	if err := unix.Mount("tmpfs", b.Root, "tmpfs", 0, "size=256k,mode=700"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(b.Root, unix.MNT_DETACH)
	pid := b.Running(t)
	defer b.End(t, pid)
	b.Run(t, "mounts", "add", b.ID, "/etc", "/v").Silent(t)
	b.Run(t, "devices", "add", b.ID, "/dev/fuse", "/a/f").Silent(t)
	b.Run(t, "devices", "add", b.ID, "/dev/fuse", "/c/f").Silent(t)
	full, err := os.Create(b.Root + "/full")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := full.Write(make([]byte, 1<<20)); err == nil {
		t.Fatal("the file system isn't full")
	}
	full.Close()
	b.Run(t, "mounts", "remove", b.ID, "/v").Fails(t, 1, "no space left on device")
	b.Run(t, "devices", "remove", b.ID, "/a/f").Fails(t, 1, "no space left on device")
	if mountIn(t, pid, "/v") == "" || strings.Contains(within(t, b, "test -c /a/f || echo gone"), "gone") {
		t.Error("it was removed, and the record is there")
	}
	if err := os.Remove(full.Name()); err != nil {
		t.Fatal(err)
	}
	b.Run(t, "mounts", "remove", b.ID, "/v").Silent(t)
	if got := within(t, b, "mv /a /b && ln -s a /a; rm -r /c"); got != "" {
		t.Fatal(got)
	}
	b.Run(t, "devices", "remove", b.ID, "/a/f").Silent(t)
	b.Run(t, "devices", "remove", b.ID, "/c/f").Silent(t)
	if got := within(t, b, "test ! -e /c || echo made"); got != "" {
		t.Error("a directory was made to remove a file in it")
	}
	if out := b.Run(t, "devices", "list", b.ID).Stdout + b.Run(t, "mounts", "list", b.ID).Stdout; strings.Contains(out, "/f") || strings.Contains(out, "/v") {
		t.Errorf("list: %s", out)
	}
}

// TestLiveDevicesKilled kills an add between the rule and the file: what is left of it can be removed.
func TestLiveDevicesKilled(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung devices")
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	defer b.End(t, pid)
	call := &harness.Cmd{
		Via:  []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=mknodat", "-e", "inject=mknodat:signal=KILL"},
		Args: []string{"--root", b.Root, "devices", "add", b.ID, "/dev/fuse", "/dev/f"},
	}
	call.Start(t).Wait(t)
	const opens = "mknod /tmp/f c 10 229; dd if=/tmp/f of=/dev/null bs=1 count=0 2>/dev/null && echo opened"
	if out := b.Run(t, "devices", "list", b.ID).Stdout; !strings.Contains(out, "/dev/f ") {
		t.Errorf("list: %s", out)
	}
	b.Run(t, "devices", "remove", b.ID, "/dev/f").Silent(t)
	if got := within(t, b, opens); strings.Contains(got, "opened") {
		t.Error("the rule is left")
	}
	b.Run(t, "devices", "add", b.ID, "/dev/fuse", "/dev/f").Silent(t)
	b.Run(t, "devices", "remove", b.ID, "/dev/f").Silent(t)
}

// TestLiveDevices gives containers devices, with the rules that allow them, and takes them away.
func TestLiveDevices(t *testing.T) {
	harness.NeedRung(t, "rung devices")
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("no /dev/fuse to give")
	}
	for name, edits := range map[string][]harness.Edit{"plain": nil, "user namespace": {harness.MappedRoot}} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600")}, edits...)...)
			b.Chown(t)
			pid := b.Running(t)
			defer b.End(t, pid)
			run := func(args ...string) *harness.Result {
				t.Helper()
				return b.Run(t, append([]string{"devices"}, args...)...)
			}
			const look = "stat -c %F:%t:%T /dev/f; dd if=/dev/f of=/dev/null bs=1 count=0 2>&1 && echo opened"
			run("add", "--mode", "0640", b.ID, "/dev/fuse", "/dev/f").Silent(t)
			got := within(t, b, look)
			if !strings.Contains(got, "character special file:a:e5") || name == "plain" && !strings.Contains(got, "opened") {
				t.Errorf("after it was added: %q", got)
			}
			run("add", b.ID, "/dev/fuse", "/dev/f").Fails(t, 1, "was added already")
			run("add", b.ID, "/etc", "/dev/g").Fails(t, 1, "is not a device")
			if out := run("list", b.ID).Stdout; !strings.Contains(out, "/dev/f ") || !strings.Contains(out, "c 10:229") {
				t.Errorf("list: %s", out)
			}
			// An update of something else keeps the rule.
			if harness.HasController("pids") {
				b.Run(t, "update", "--pids-limit", "100", b.ID).Silent(t)
				if again := within(t, b, look); again != got {
					t.Errorf("after an update: %q, before %q", again, got)
				}
			}
			run("remove", b.ID, "/dev/f").Silent(t)
			if got := within(t, b, "ls /dev/f 2>/dev/null | grep f; mknod /dev/f2 c 10 229 && cat /dev/f2"); strings.Contains(got, "/dev/f\n") && name == "plain" {
				t.Errorf("after it was removed: %q", got)
			}
			run("remove", b.ID, "/dev/f").Fails(t, 1, "no device was added at /dev/f")
			run("add", "--access", "rx", b.ID, "/dev/fuse", "/dev/f").Fails(t, 1, "it can be letters of r, w and m")
			run("add", "--uid", "4294967296", b.ID, "/dev/fuse", "/dev/f").Fails(t, 1, "uid")
			// Two files of one device share the rule.
			run("add", b.ID, "/dev/fuse", "/dev/f").Silent(t)
			run("add", b.ID, "/dev/fuse", "/dev/g").Silent(t)
			run("remove", b.ID, "/dev/f").Silent(t)
			if got := within(t, b, "dd if=/dev/g of=/dev/null bs=1 count=0 2>&1 && echo opened"); name == "plain" && !strings.Contains(got, "opened") {
				t.Errorf("the other file of the device: %q", got)
			}
			run("remove", b.ID, "/dev/g").Silent(t)
			if got := within(t, b, "ls /dev/f /dev/g 2>/dev/null"); got != "" {
				t.Errorf("left: %q", got)
			}
			// A file that was there before stays.
			run("add", b.ID, "/dev/zero", "/dev/zero").Silent(t)
			run("remove", b.ID, "/dev/zero").Silent(t)
			if got := within(t, b, "head -c 1 /dev/zero | wc -c"); got != "1\n" {
				t.Errorf("/dev/zero: %q", got)
			}
			if out := run("list", "--format", "json", b.ID).Stdout; out != "[]\n" {
				t.Errorf("list: %s", out)
			}
		})
	}
}

// TestLiveGone adds again what the container has taken away or moved, whose place is free.
func TestLiveGone(t *testing.T) {
	harness.NeedRung(t, "rung mounts and devices")
	for name, edits := range map[string][]harness.Edit{"plain": nil, "user namespace": {harness.MappedRoot}} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, append([]harness.Edit{harness.Args("/bin/sleep", "600"), harness.Capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"), writable}, edits...)...)
			b.Chown(t)
			pid := b.Running(t)
			defer b.End(t, pid)
			list := func(what string) string {
				t.Helper()
				return b.Run(t, what, "list", b.ID).Stdout
			}
			add := func() { t.Helper(); b.Run(t, "mounts", "add", "--type", "tmpfs", b.ID, "tmpfs", "/m").Silent(t) }
			within := func(script string) {
				t.Helper()
				if got := within(t, b, script); got != "" {
					t.Error(got)
				}
			}
			add()
			within("umount /m")
			add()
			within("mkdir /away && mount --move /m /away")
			if text := list("mounts"); !strings.Contains(text, "false") {
				t.Errorf("it was moved: %s", text)
			}
			add()
			if text := list("mounts"); strings.Count(text, "true") != 2 || !strings.Contains(text, "/away ") || !strings.Contains(text, "/m ") {
				t.Errorf("both are there: %s", text)
			}
			b.Run(t, "mounts", "remove", b.ID, "/away").Silent(t)
			within("mount --move /m /away")
			b.Run(t, "mounts", "remove", b.ID, "/m").Silent(t) // wherever it is
			if line := mountIn(t, pid, "/away") + mountIn(t, pid, "/m"); line != "" {
				t.Errorf("left: %s", line)
			}

			device := func(access string) *harness.Result {
				return b.Run(t, "devices", "add", "--access", access, b.ID, "/dev/null", "/dev/n")
			}
			device("rw").Silent(t)
			if text := list("devices"); !strings.HasSuffix(text, " true\n") {
				t.Errorf("the device is there: %s", text)
			}
			device("r").Fails(t, 1, "was added already")
			within("umount /dev/n 2>/dev/null; rm /dev/n")
			if text := list("devices"); !strings.HasSuffix(text, " false\n") {
				t.Errorf("the device is gone: %s", text)
			}
			device("r").Silent(t)
			within("test -c /dev/n")
			if text := list("devices"); strings.Count(text, "/dev/n") != 1 || !strings.Contains(text, " r ") {
				t.Errorf("one device, of the new access: %s", text)
			}
			b.Run(t, "devices", "remove", b.ID, "/dev/n").Silent(t)
		})
	}
}

// TestLiveMaps lists the maps that a mount was added with.
func TestLiveMaps(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "rung mounts")
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	pid := b.Running(t)
	defer b.End(t, pid)
	b.Run(t, "mounts", "add", "--uid-map", "0:5:1,7:9:2", "--gid-map", "0:6:1", b.ID, harness.TempDir(t), "/tmp").Silent(t)
	if text := b.Run(t, "mounts", "list", b.ID).Stdout; !strings.Contains(text, " 0:5:1,7:9:2/0:6:1 ") {
		t.Errorf("the table: %s", text)
	}
	if text := b.Run(t, "mounts", "list", "--format", "json", b.ID).Stdout; !strings.Contains(strings.Join(strings.Fields(text), ""), `"gidMappings":[{"containerID":0,"hostID":6,"size":1}]`) {
		t.Errorf("JSON: %s", text)
	}
}
