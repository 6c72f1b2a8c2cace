package security

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// What a created container's process shows while it waits for start: nothing.
func TestWaitingProcess(t *testing.T) {
	for _, c := range []struct {
		name  string
		edit  harness.Edit
		owner int // of the program, once it runs
	}{
		{"host root", func(*specs.Spec) {}, 0},
		{"user namespace", harness.MappedRoot, 100000},
		{"user 1000", func(s *specs.Spec) { s.Process.User = specs.User{UID: 1000, GID: 1000} }, 1000},
		{"terminal", func(s *specs.Spec) { s.Process.Terminal = true }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Args("/bin/sleep", "60"), c.edit)
			b.Chown(t)
			call := b.Cmd("create")
			if b.Spec.Process.Terminal {
				call = b.Cmd("create", "--console-socket", harness.Receive(t).Path)
			}
			pid, _ := b.CreateBy(t, call)
			waiting(t, pid)
			if owner, err := undumpable(pid); !owner || err == nil {
				t.Errorf("belongs to root: %v, peek: %v: the process is dumpable", owner, err)
			}
			// The same looks at the program itself, which is dumpable: they aren't blind.
			b.Must(t, "start")
			if owner, err := undumpable(pid); owner != (c.owner == 0) || c.owner == 0 && err != nil {
				t.Errorf("after start, belongs to root: %v, peek: %v: the check is blind", owner, err)
			}
			b.Must(t, "delete", "--force")
		})
	}
}

// undumpable looks in two ways, of which each is blind sometimes: files of a process
// that isn't dumpable belong to root whoever it runs as, which tells nothing of root;
// and root without CAP_SYS_PTRACE may peek into root's processes if they are dumpable,
// and never into those of others.
func undumpable(pid int) (owner bool, peek error) {
	owner = true
	for _, name := range []string{"environ", "mem", "fd", "maps"} {
		var st unix.Stat_t
		err := unix.Stat(fmt.Sprintf("/proc/%d/%s", pid, name), &st)
		owner = owner && err == nil && st.Uid == 0
	}
	text, err := exec.Command("setpriv", "--inh-caps=-sys_ptrace", "--bounding-set=-sys_ptrace", "readlink", fmt.Sprintf("/proc/%d/exe", pid)).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w %s", err, text)
	}
	return owner, err
}

func waiting(t *testing.T, pid int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", pid)
	line, err := os.ReadFile(dir + "cmdline")
	if name := strings.TrimRight(string(line), "\x00"); err != nil || name != "rung:init" && name != "rung-init" {
		t.Errorf("cmdline = %q, %v, want its name only", line, err)
	}
	tasks, err := os.ReadDir(dir + "task")
	if err != nil || len(tasks) != 1 {
		t.Errorf("%d threads, %v, want 1", len(tasks), err)
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
