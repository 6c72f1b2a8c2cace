package libcontainer

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/netdev"
	"github.com/rung-oci/rung/internal/proc"
)

// netDevices moves linux.netDevices into the network namespace of the first
// process, whose pid this is. If create fails later they come back; once it has
// succeeded they are the container's for good, as the runtime-spec has it.
func (c *creation) netDevices(pid int) error {
	fd, err := unix.Openat(c.host.FD, proc.PID(pid, "ns/net"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("linux.netDevices: open network namespace of container: %w", err)
	}
	if c.mover, err = netdev.Open(fd); err != nil {
		return fmt.Errorf("linux.netDevices: %w", err)
	}
	c.undo.push(c.mover.Undo)
	devices := c.bundle.Spec.Linux.NetDevices
	for _, host := range slices.Sorted(maps.Keys(devices)) {
		if err := c.mover.Move(netdev.Device{Host: host, Name: devices[host].Name}); err != nil {
			return fmt.Errorf("linux.netDevices[%q]: %w", host, err)
		}
	}
	return nil
}
