package checkpoint

import (
	"fmt"
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// What is mounted on the host's side of a slave volume appears in a restored container, where the whole of a file system is the volume and where
// a part of it is; and a volume that has become private on the host is one that is restored.
func TestSlave(t *testing.T) {
	need(t)
	for _, private := range []bool{false, true} {
		t.Run(fmt.Sprintf("private %t", private), func(t *testing.T) {
			dir := shared(t)
			var list []harness.Edit
			for name, source := range map[string]string{"/whole": dir, "/part": dir + "/part", "/part2": dir + "/other/part"} {
				if err := os.MkdirAll(source+"/sub", 0o755); err != nil {
					t.Fatal(err)
				}
				list = append(list, harness.AddMount(specs.Mount{Destination: name, Type: "bind", Source: source, Options: []string{"rbind", "rslave"}}))
			}
			x := dumped(t, append(list, func(s *specs.Spec) { s.Linux.RootfsPropagation = "rslave" })...)
			if private {
				if err := unix.Mount("", dir, "", unix.MS_PRIVATE, ""); err != nil {
					t.Fatal(err)
				}
			}
			err := caught(func() {
				x.restored(t, x.images())
				x.goesOn(x.last())
				for name, source := range map[string]string{"/whole": dir, "/part": dir + "/part", "/part2": dir + "/other/part"} {
					mounted(t, source+"/sub")
					_, err := os.Stat(fmt.Sprintf("/proc/%d/root%s/sub/new", x.pid, name))
					if (err == nil) == private {
						t.Errorf("%s: what was mounted at the source: %v", name, err)
					}
				}
				x.end(t)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// shared mounts a file system that the host shares with whoever comes.
func shared(t *testing.T) string {
	t.Helper()
	dir := harness.TempDir(t)
	mounted(t, dir)
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mounted mounts a file system with the file new, until the test ends.
func mounted(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("new", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	if err := os.WriteFile(dir+"/new", nil, 0o644); err != nil {
		t.Fatal(err)
	}
}
