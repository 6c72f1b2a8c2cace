package security

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// What a created container's process shows while it waits for start: nothing.
func TestWaitingProcess(t *testing.T) {
	for _, c := range []struct {
		name string
		edit harness.Edit
	}{
		{"host root", func(*specs.Spec) {}},
		{"user namespace", harness.MappedRoot},
		{"user 1000", func(s *specs.Spec) { s.Process.User = specs.User{UID: 1000, GID: 1000} }},
		{"terminal", func(s *specs.Spec) { s.Process.Terminal = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := harness.New(t, harness.Args("/bin/sleep", "60"), c.edit)
			b.Chown(t)
			call := b.Cmd("create")
			if b.Spec.Process.Terminal {
				call = b.Cmd("create", "--console-socket", harness.Receive(t).Path)
			}
			pid, _ := b.CreateBy(t, call)
			waiting(t, pid)
			b.Must(t, "delete", "--force")
		})
	}
}

func waiting(t *testing.T, pid int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", pid)
	line, err := os.ReadFile(dir + "cmdline")
	if err != nil || strings.Trim(string(line), "\x00") != "" {
		t.Errorf("cmdline = %q, %v, want no text", line, err)
	}
	tasks, err := os.ReadDir(dir + "task")
	if err != nil || len(tasks) != 1 {
		t.Errorf("%d threads, %v, want 1", len(tasks), err)
	}
	// A process that isn't dumpable belongs to root, whoever it runs as.
	var st unix.Stat_t
	for _, name := range []string{"environ", "mem", "fd", "maps"} {
		if err := unix.Stat(dir+name, &st); err != nil || st.Uid != 0 {
			t.Errorf("%s belongs to %d, %v, want 0: the process is dumpable", name, st.Uid, err)
		}
	}
	env, err := os.ReadFile(dir + "environ")
	if text := strings.Trim(string(env), "\x00"); err == nil && text != "" {
		t.Errorf("environ = %q, want nothing", text)
	}
	descriptors(t, dir, pid)
}

// descriptors checks all of the process against what it needs.
func descriptors(t *testing.T, dir string, pid int) {
	t.Helper()
	entries, err := os.ReadDir(dir + "fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		link, err := os.Readlink(dir + "fd/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(dir+"fd/"+e.Name(), &st); err != nil {
			t.Fatal(err)
		}
		std := len(e.Name()) == 1 && e.Name() <= "2"
		fifo := st.Mode&unix.S_IFMT == unix.S_IFIFO && (strings.HasSuffix(link, "/gate") || strings.HasSuffix(link, "/status"))
		switch {
		case st.Mode&unix.S_IFMT == unix.S_IFDIR:
			t.Errorf("descriptor %s is a directory: %s", e.Name(), link)
		case !std && !fifo:
			t.Errorf("descriptor %s is %s, want the standard ones and two FIFOs only", e.Name(), link)
		}
	}
	t.Logf("process %d: %d descriptors", pid, len(entries))
	if len(entries) < 3 || len(entries) > 5 {
		t.Errorf("%d descriptors, want 3 to 5", len(entries))
	}
}
