package v2

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/fdio"
)

// WatchOOM watches memory.events, of which the kernel tells each change.
func (m *Manager) WatchOOM() (*cgroups.OOMWatch, error) {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	// By descriptor: what the path leads to later doesn't matter.
	file, err := d.OpenFile("memory.events", unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("watch for OOM kills: %w", err)
	}
	defer unix.Close(file)
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch for OOM kills: %w", err)
	}
	if _, err = unix.InotifyAddWatch(fd, fmt.Sprintf("/proc/self/fd/%d", file), unix.IN_MODIFY); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch for OOM kills: %s/memory.events: %w", m.dir, err)
	}
	seen, err := m.OOMKills()
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &cgroups.OOMWatch{FD: fd, Count: func() (uint64, error) {
		drain(fd)
		now, err := m.OOMKills()
		if err != nil || now <= seen {
			return 0, err
		}
		more := now - seen
		seen = now
		return more, nil
	}}, nil
}

// drain reads all that the kernel has to tell.
func drain(fd int) {
	var buf [1024]byte
	for n := 1; n > 0; {
		n, _ = fdio.Read(fd, buf[:])
	}
}
