package v2

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// delegated lists the files of a cgroup whose owner may manage what is below
// it (Linux 4.15).
const delegated = "/sys/kernel/cgroup/delegate"

// Delegate gives the directory and the delegated files to a user and a group. Files that this cgroup doesn't have are left out.
func (m *Manager) Delegate(uid, gid int) error {
	text, err := cgfile.ReadFile(delegated)
	if err != nil {
		if !errors.Is(err, unix.ENOENT) {
			return err
		}
		text = []byte("cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n")
	}
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	for name := range strings.FieldsSeq(string(text)) {
		if err := d.Chown(name, uid, gid); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("delegate the container's cgroup: %w", err)
		}
	}
	if err := unix.Fchown(d.FD(), uid, gid); err != nil {
		return fmt.Errorf("delegate the container's cgroup: give %s to user %d: %w", m.dir, uid, err)
	}
	return nil
}
