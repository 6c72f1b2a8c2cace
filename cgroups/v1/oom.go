package v1

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/fdio"
)

// WatchOOM has the kernel write to an eventfd whenever the cgroup is out of
// memory.
func (m *Manager) WatchOOM() (*cgroups.OOMWatch, error) {
	t := m.find("memory")
	if t == nil {
		if m.unified != nil {
			return m.unified.WatchOOM()
		}
		return nil, fmt.Errorf("watch for OOM kills: the memory controller is not mounted: %w", unix.ENOENT)
	}
	d, err := cgfile.OpenDir(t.dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	control, err := d.OpenFile("memory.oom_control", unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("watch for OOM kills: %w", err)
	}
	defer unix.Close(control)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch for OOM kills: %w", err)
	}
	if err := d.Write("cgroup.event_control", fmt.Sprintf("%d %d", fd, control)); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch for OOM kills: %w", err)
	}
	return &cgroups.OOMWatch{FD: fd, Count: func() (uint64, error) { return events(fd, t.dir) }}, nil
}

// events reads the eventfd. The kernel also writes to it when the cgroup is
// removed, which is no event.
func events(fd int, dir string) (uint64, error) {
	var buf [8]byte
	n, err := fdio.Read(fd, buf[:])
	if errors.Is(err, unix.EAGAIN) {
		return 0, nil
	}
	if err != nil || n != len(buf) {
		return 0, fmt.Errorf("watch for OOM kills: read eventfd: %w", err)
	}
	count := binary.NativeEndian.Uint64(buf[:])
	if unix.Access(dir, unix.F_OK) != nil {
		count = 0
	}
	return count, nil
}
