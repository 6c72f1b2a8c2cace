package libcontainer

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spec"
)

// mounts finds out what the init sees, where the paths of the configuration lead to in there, and where its sources are.
func (i *inspector) mounts(b *spec.Bundle) error {
	f := &i.found
	text, err := i.c.host.ReadFile(proc.PID(i.c.record.PID, "mountinfo"), maxInitText)
	if unreadable(err) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Mountinfo, f.MountsRead = string(text), true
	if err := i.origins(b); err != nil {
		return err
	}
	root, err := fdio.Of(i.c.rootDir(i.pidfd))
	if unreadable(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	f.Reached = map[string]inspect.Place{}
	for _, p := range inspect.Unplaced(b.Spec, f.Mountinfo) {
		f.Reached[p] = place(root.FD(), p, f.Mountinfo)
	}
	return i.replaced(root.FD())
}

// inside opens a path in the init's root directory, whatever it is.
func inside(root int, path string) (int, error) {
	return unix.Openat2(root, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
}

// place follows a path to the mount that it is.
func place(root int, path, mountinfo string) (at inspect.Place) {
	fd, err := inside(root, path)
	if err != nil {
		at.Absent = errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
		return at
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st) == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		at.Point = inspect.MountPoint(mountinfo, st.Mnt_id)
	}
	return at
}

// origins finds the sources of binds in our own mounts.
func (i *inspector) origins(b *spec.Bundle) error {
	own, err := i.c.host.ReadFile(proc.PID(os.Getpid(), "mountinfo"), maxInitText)
	if err != nil && !unreadable(err) {
		return err
	}
	i.found.Own, i.found.Bundle, i.found.Rootfs = string(own), b.Dir, b.Rootfs
	i.found.Origins = map[int]inspect.Origin{}
	for n := range b.Spec.Mounts {
		if source := inspect.Bind(&b.Spec.Mounts[n], b.Dir, b.Rootfs); source != "" {
			at, id := origin(source)
			o, ok := inspect.OriginOf(string(own), id, at)
			if ok && !strings.HasPrefix(at, b.Rootfs+"/") {
				i.found.Origins[n] = o
			}
		}
	}
	return nil
}

// origin is where the links of a path lead, and the id of the mount that this is on; 0 if that can't be said.
func origin(path string) (at string, mount uint64) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", 0
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	at, err = os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil || unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st) != nil || st.Mask&unix.STATX_MNT_ID == 0 {
		return "", 0
	}
	return at, st.Mnt_id
}

// replaced finds mounts that were added while the container ran, and are covered or gone.
func (i *inspector) replaced(root int) error {
	live, err := i.c.entry.Live()
	if err != nil {
		return err
	}
	i.found.Devices = []string{"/dev/console"}
	for _, d := range plan.DefaultDevices() {
		i.found.Devices = append(i.found.Devices, d.Path)
	}
	for _, d := range live.Devices {
		i.found.Devices = append(i.found.Devices, d.Path)
	}
	i.found.Replaced = map[string]bool{}
	for _, m := range live.Mounts {
		fd, err := inside(root, m.Destination)
		if err != nil {
			continue // nothing is to be seen there
		}
		now, err := mountID(fd)
		unix.Close(fd)
		i.found.Replaced[m.Destination] = err == nil && now != m.ID
	}
	return nil
}
