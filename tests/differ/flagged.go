package differ

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// flaggedSources are sources that are mounts with flags of their own, which a bind keeps, changes or
// clears.
var flaggedSources = map[string]uintptr{
	"strict": unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RELATIME,
	"quiet":  unix.MS_NOATIME | unix.MS_NOSUID,
}

// flagged mounts them.
func (r *rig) flagged() error {
	for name, flags := range flaggedSources {
		dir := filepath.Join(r.bundle, "src", name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", flags&^unix.MS_RDONLY, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
		if err := entries(dir, []entry{{"a", 0o644, "a\n"}, {"sub", os.ModeDir | 0o755, ""}}, 0); err != nil {
			return err
		}
		if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
			return fmt.Errorf("mount %s with flags: %w", dir, err)
		}
	}
	return nil
}

// unflag unmounts those that are there.
func (r *rig) unflag() error {
	for name := range flaggedSources {
		dir := filepath.Join(r.bundle, "src", name)
		err := unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
	return nil
}
