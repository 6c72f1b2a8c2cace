package faults

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// Whatever the files of a container's state have become, delete --force removes the
// container, and it is gone.
func TestWrongTypes(t *testing.T) {
	harness.NeedRung(t, "files of its state directory")
	for kind, make := range map[string]func(path string) error{
		"directory": func(p string) error { return os.MkdirAll(p+"/sub/sub", 0o700) },
		"link":      func(p string) error { return os.Symlink("/dev/zero", p) },
		"FIFO":      func(p string) error { return unix.Mkfifo(p, 0o600) },
		"socket":    func(p string) error { return unix.Mknod(p, unix.S_IFSOCK|0o600, 0) },
		"empty":     func(p string) error { return os.WriteFile(p, nil, 0o600) },
	} {
		for _, file := range []string{"intent.json", "state.json", "config.json", "resources.json", "progress", "gate", "status", "notify", ".state.json.tmp"} {
			t.Run(file+" "+kind, func(t *testing.T) {
				harness.Share(t)
				inv := harness.Take()
				b := sleeper(t)
				b.Create(t)
				path := filepath.Join(b.Root, b.ID, file)
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				if err := make(path); err != nil {
					t.Fatal(err)
				}
				b.Run(t, "list")
				b.Run(t, "state", b.ID)
				if b.Run(t, "delete", "--force", b.ID).Code != 0 {
					t.Error("delete --force failed")
				}
				b.ReapAll(t)
				for _, line := range inv.Left(b) {
					t.Errorf("left: %s", line)
				}
			})
		}
	}
}
