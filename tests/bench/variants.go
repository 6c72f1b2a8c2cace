package main

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// variants are what "run" is timed with beside the default bundle and Docker's:
// each adds or leaves out one thing that a runtime has code of its own for.
var variants = map[string]func(*specs.Spec){
	"userns":   userNamespace,
	"terminal": func(s *specs.Spec) { s.Process.Terminal = true },
	"minimal":  minimal,
	"limits":   limit,
	"rootless": ordinary,
}

// userNamespace maps what engines map for a container.
func userNamespace(s *specs.Spec) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	s.Linux.GIDMappings = slices.Clone(s.Linux.UIDMappings)
}

// minimal leaves the fewest mounts and namespaces that all three runtimes take:
// what is left of the time is starting processes.
func minimal(s *specs.Spec) {
	s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool {
		return m.Destination != "/proc" && m.Destination != "/dev"
	})
	s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return n.Type != specs.PIDNamespace && n.Type != specs.MountNamespace
	})
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Process.Rlimits, s.Hostname = nil, nil, nil, ""
}

// limit sets what `docker run --memory --cpus --cpu-shares --pids-limit` sets.
func limit(s *specs.Spec) {
	s.Linux.Resources = &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: new(int64(64 << 20))},
		CPU:    &specs.LinuxCPU{Shares: new(uint64(512)), Quota: new(int64(100000)), Period: new(uint64(100000))},
		Pids:   &specs.LinuxPids{Limit: new(int64(64))},
	}
}
