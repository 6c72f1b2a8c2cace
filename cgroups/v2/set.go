package v2

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
)

// Set changes limits of the running container; see [cgroups.Manager].
func (m *Manager) Set(_, _ *specs.LinuxResources) error { return unix.ENOSYS }

// Stats reads what the container uses; see [cgroups.Manager].
func (m *Manager) Stats() (*cgroups.Stats, error) { return nil, unix.ENOSYS }

// WatchOOM watches for processes that are killed; see [cgroups.Manager].
func (m *Manager) WatchOOM() (*cgroups.OOMWatch, error) { return nil, unix.ENOSYS }

// Delegate gives the cgroup away; see [cgroups.Manager].
func (m *Manager) Delegate(int) error { return unix.ENOSYS }
