package lifecycle

import (
	"fmt"
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// Id maps beside a user namespace to join must be that one's; they needn't be there. (Runc 1.1
// doesn't look.)
func TestJoinedMaps(t *testing.T) {
	harness.Share(t)
	a := harness.New(t, harness.Args("/bin/sleep", "1000"), mapped)
	chownAll(t, a)
	pid, _ := a.Create(t)
	a.Must(t, "start")
	path := fmt.Sprintf("/proc/%d/ns/user", pid)
	file := a.Dir + "/pin" // as CRI-O has it: no process's path
	harness.IgnoreMounts(file)
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(path, file, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(file, unix.MNT_DETACH)
	whole := []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
	for _, c := range []struct {
		name, path string
		uids, gids []specs.LinuxIDMapping
		wrong      bool
	}{
		{"none", path, nil, nil, false},
		{"the same", path, whole, whole, false},
		{"the same, pinned", file, whole, whole, false},
		{"other ids", path, []specs.LinuxIDMapping{{HostID: firstID + 1, Size: ids}}, whole, true},
		{"fewer ids", file, whole, []specs.LinuxIDMapping{{HostID: firstID, Size: 1}}, true},
		{"more ids", path, append([]specs.LinuxIDMapping{{ContainerID: ids, HostID: 7, Size: 1}}, whole...), whole, true},
	} {
		b := harness.New(t, harness.Args("/bin/true"), addNS(specs.UserNamespace, c.path), func(s *specs.Spec) {
			s.Linux.UIDMappings, s.Linux.GIDMappings = c.uids, c.gids
		})
		chownAll(t, b)
		r := b.Container(t, "run")
		switch {
		case c.wrong:
			r.Fails(t, 1, "user namespaces enabled, but both namespace path and non-matching mapping specified")
		case harness.IsRung():
			r.Silent(t)
		case r.Code != 0: // runc has a warning
			t.Errorf("%s: %v", c.name, r)
		}
	}
	a.End(t, pid)
}
