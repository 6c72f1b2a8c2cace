package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { Main(m) }

// Every kind of residue must be seen, or the guard guards nothing.
func TestLook(t *testing.T) {
	before := look()
	dir := TempDir(t)
	for _, m := range ownMounts() {
		if m.Type != "cgroup" && m.Type != "cgroup2" {
			continue
		}
		path := filepath.Join(m.Point, Unique())
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
	}
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	zombie := exec.Command("true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	defer zombie.Wait()
	runtime := running(t, dir)
	defer runtime.Wait()
	defer runtime.Process.Kill()
	time.Sleep(200 * time.Millisecond)
	now := look()
	var got []string
	for line := range now {
		if !before[line] {
			got = append(got, line)
		}
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"cgroup /sys/fs/cgroup/", "mount " + dir, "hasn't waited for", "of the runtime"} {
		if !strings.Contains(text, want) {
			t.Errorf("look() doesn't see %q: %s", want, text)
		}
	}
}

// running starts the runtime's file as a process that stays: it waits for a
// reader of its log.
func running(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	fifo := filepath.Join(dir, "log")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(Runtime(), "--log", fifo, "list")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}
