package lifecycle

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// cgroupMount puts a cgroup mount into the container.
func cgroupMount(options ...string) harness.Edit {
	return func(s *specs.Spec) {
		harness.DropMount("/sys/fs/cgroup")(s)
		harness.AddMount(specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: options})(s)
	}
}

func ownCgroupNS(s *specs.Spec) {
	for _, ns := range s.Linux.Namespaces {
		if ns.Type == specs.CgroupNamespace {
			return
		}
	}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace})
}

// split makes a cgroup below the container's and moves its shell there, which is
// what needs the delegation, and tries to lift a limit, which nobody may.
const split = `set -e; cd /sys/fs/cgroup; mkdir sub; echo 0 >sub/cgroup.procs; grep ^0: /proc/self/cgroup; echo +hugetlb >cgroup.subtree_control; cat sub/cgroup.controllers
if echo max >hugetlb.2MB.max; then echo lifted; fi 2>/dev/null; exec sleep 60`

// Who has a cgroup namespace and a writable cgroup mount of his own gets his
// cgroup, but not its limits; and exec still finds a place.
func TestDelegation(t *testing.T) {
	if harness.View() != harness.V2 {
		t.Skip("cgroup v1 can't be delegated")
	}
	limit := func(s *specs.Spec) {
		s.Linux.Resources.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 2 << 20}}
	}
	user := func(s *specs.Spec) { s.Process.User.UID, s.Process.User.GID = 1000, 1000 }
	for name, c := range map[string]struct {
		edits []harness.Edit
		owner uint32
		chown bool
	}{
		"a user":        {[]harness.Edit{user, ownCgroupNS, cgroupMount("nosuid", "noexec", "nodev", "relatime", "rw")}, 1000, false},
		"a mapped root": {[]harness.Edit{harness.MappedRoot, ownCgroupNS, cgroupMount("nosuid", "noexec", "nodev")}, 100000, true},
		"a mapped user": {[]harness.Edit{user, harness.MappedRoot, ownCgroupNS, cgroupMount("rw")}, 101000, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, append(c.edits, limit, harness.Shell(split))...)
			if c.chown {
				b.Chown(t)
			}
			pid, r := b.Create(t)
			dir := harness.CgroupDirs(b.ID)[0]
			for file, want := range map[string]bool{"": true, "/cgroup.procs": true, "/cgroup.subtree_control": true, "/cgroup.threads": true, "/hugetlb.2MB.max": false, "/cgroup.freeze": false} {
				st, err := os.Stat(dir + file)
				if err != nil {
					t.Fatal(err)
				}
				if owned(st, c.owner) != want {
					t.Errorf("%s%s: owner %d is %v, want %v", dir, file, c.owner, !want, want)
				}
			}
			b.Must(t, "start")
			harness.Until(t, "the container says two lines", func() bool { return strings.Count(r.Reread(t), "\n") >= 2 })
			if got := strings.Fields(r.Reread(t)); len(got) != 2 || got[0] != "0::/sub" || got[1] != "hugetlb" {
				t.Errorf("the container says %q, want that it is in /sub, which has hugetlb", got)
			}
			b.Run(t, "exec", b.ID, "/bin/true").Silent(t)
			b.End(t, pid)
		})
	}
}

// Without one of the conditions the cgroup stays root's.
func TestNoDelegation(t *testing.T) {
	if harness.View() != harness.V2 {
		t.Skip("cgroup v1 can't be delegated")
	}
	for name, edits := range map[string][]harness.Edit{
		"read-only": {ownCgroupNS, cgroupMount("ro")},
		"no mount":  {ownCgroupNS, harness.DropMount("/sys/fs/cgroup")},
	} {
		b := harness.New(t, append(edits, harness.Args("/bin/sleep", "60"), func(s *specs.Spec) { s.Process.User.UID = 1000 })...)
		pid, _ := b.Create(t)
		st, err := os.Stat(harness.CgroupDirs(b.ID)[0])
		if err != nil || !owned(st, 0) {
			t.Errorf("%s: %v, want root as the owner", name, err)
		}
		b.End(t, pid)
	}
}
