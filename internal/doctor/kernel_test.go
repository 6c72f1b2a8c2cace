package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/nsenter"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// Every check is well formed, and nothing is left: no cgroup, child or descriptor (that testbed.Main sees), and every
// thread is in the namespaces in which it was.
func TestExamine(t *testing.T) {
	before := namespaces(t)
	list := Examine(&Options{Root: t.TempDir()})
	seen := map[string]bool{}
	for _, c := range list {
		subject, name, ok := strings.Cut(c.Name, ".")
		if !ok || subject == "" || name == "" || seen[c.Name] {
			t.Errorf("the name of %+v", c)
		}
		seen[c.Name] = true
		if !slices.Contains(Statuses, c.Status) || !slices.Contains(Needs, c.Need) {
			t.Errorf("the status of %+v", c)
		}
		if (c.Status == OK) != (c.Fails == "") || (c.Status == OK) != (c.Mend == "") {
			t.Errorf("ok, and no more to be said, or not ok and with what fails and how to mend it: %+v", c)
		}
	}
	for _, c := range list {
		if strings.HasPrefix(c.Name, "kernel.") && c.always && c.Status != OK {
			t.Errorf("this kernel runs our tests: %+v", c)
		}
	}
	if after := namespaces(t); before != after {
		t.Errorf("namespaces were %s, are %s", before, after)
	}
	for _, dir := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		if left, _ := filepath.Glob(dir + "rung-doctor-" + strconv.Itoa(os.Getpid())); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
	if _, err := unix.Wait4(-1, nil, unix.WALL|unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %v", err)
	}
	again := Examine(&Options{Root: t.TempDir()})
	same := slices.EqualFunc(list, again, func(a, b Check) bool { return a.Name == b.Name && a.Status == b.Status })
	if !same {
		t.Errorf("first %+v, then %+v", list, again)
	}
}

// namespaces are those of all threads.
func namespaces(t *testing.T) string {
	t.Helper()
	set := map[string]bool{}
	links, err := filepath.Glob("/proc/self/task/*/ns/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			set[to] = true
		}
	}
	var list []string
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// An attempt says which call failed, and how.
func TestTry(t *testing.T) {
	none := nsenter.Int(0)
	for _, c := range []struct {
		flags uint64
		calls func(*nsenter.Tape)
		want  string
	}{
		{0, nil, ""},
		{unix.CLONE_THREAD, nil, "clone3: invalid argument"},
		{0, func(t *nsenter.Tape) {
			t.Call("first", unix.SYS_GETPID)
			t.Call("second", unix.SYS_CLOSE, nsenter.Int(-1))
		}, "second: bad file descriptor"},
		{0, func(t *nsenter.Tape) {
			t.Call("set no_new_privs", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NO_NEW_PRIVS), nsenter.Int(1), none, none, none)
			t.Call("install filter", unix.SYS_SECCOMP, nsenter.Int(unix.SECCOMP_SET_MODE_FILTER), none, t.Filter([]unix.SockFilter{
				{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
			}))
			t.Call("be killed", unix.SYS_GETPID)
		}, "be killed: killed by SIGSYS"},
	} {
		if got := try(c.flags, c.calls).String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	if got := kindOf("/proc/self/status"); got != "proc" {
		t.Errorf("/proc is %q", got)
	}
	if got := kindOf("/none"); got != "" {
		t.Errorf("/none is %q", got)
	}
}
