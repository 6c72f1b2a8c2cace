package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// The ordinary user of tests, once [User] has made him, who exists in this view's mount namespace only.
const (
	UserID      = 100042 // and gid
	FirstSubID  = 200000 // of the ids that /etc/subuid and /etc/subgid give him
	SubIDs      = 65536
	userAccount = "rungt"
)

// User makes the user: newuidmap wants him in /etc/passwd.
var User = sync.OnceValue(func() error {
	for file, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d::/:/bin/sh\n", userAccount, UserID, UserID),
		"/etc/subuid": fmt.Sprintf("%s:%d:%d\n", userAccount, FirstSubID, SubIDs),
		"/etc/subgid": fmt.Sprintf("%s:%d:%d\n", userAccount, FirstSubID, SubIDs),
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		own := Dir() + "/" + View() + strings.ReplaceAll(file, "/", "-")
		if err := os.WriteFile(own, append(text, line...), 0o644); err != nil {
			return err
		}
		IgnoreMounts(file)
		if err := unix.Mount(own, file, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s: %w", file, err)
		}
	}
	return nil
})

// AsUser is the command line that makes a command the user's.
func AsUser() []string {
	return []string{"setpriv", fmt.Sprint("--reuid=", UserID), fmt.Sprint("--regid=", UserID), "--clear-groups"}
}

// GiveUser gives a bundle and its state directory to the user, as whom the runtime is called for it then.
func (b *Bundle) GiveUser(t testing.TB) {
	t.Helper()
	b.Via = AsUser()
	b.GiveAll(t, UserID)
}

// GiveAll gives the bundle and a new state directory to a user, whose group has the same number.
func (b *Bundle) GiveAll(t testing.TB, id int) {
	t.Helper()
	b.Give(t, id, id)
	if err := os.Mkdir(b.Root, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{b.Dir, b.Root} {
		if err := os.Chown(dir, id, id); err != nil {
			t.Fatal(err)
		}
	}
}

// Delegated makes a cgroup in every hierarchy of a controller (all without one), gives
// it to the user, and returns what begins a command line in a child of it, self.
func Delegated(t testing.TB, controllers ...string) (name string, begin []string) {
	t.Helper()
	name = Unique()
	var script strings.Builder
	for _, dir := range CgroupDirs("/" + name) {
		if len(controllers) > 0 && controllers[0] != filepath.Base(filepath.Dir(dir)) {
			continue
		}
		self := dir + "/self"
		if err := os.MkdirAll(self, 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(dir, "/cpuset/") {
			for _, d := range []string{dir, self} {
				for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
					data, _ := os.ReadFile(filepath.Dir(d) + "/" + file)
					os.WriteFile(d+"/"+file, data, 0)
				}
			}
		}
		t.Cleanup(func() {
			for _, d := range []string{self, dir} {
				if err := Rmdir(d); err != nil {
					t.Errorf("remove the test's cgroup: %v", err)
				}
			}
		})
		for _, d := range []string{dir, self} {
			for _, file := range []string{"", "/cgroup.procs", "/tasks", "/cgroup.subtree_control", "/cgroup.threads"} {
				if err := os.Chown(d+file, UserID, UserID); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
		}
		fmt.Fprintf(&script, "echo 0 >%s/cgroup.procs && ", self)
	}
	return name, Via(script.String())
}

// Via puts a shell script before a command, as root: its "$@" is the rest.
func Via(script string, rest ...string) []string {
	return append([]string{"sh", "-c", script + ` exec "$@"`, "sh"}, rest...)
}
