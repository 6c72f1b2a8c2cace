package lifecycle

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// The mounts of a configuration may be any of these, or none at all: of proc, sysfs,
// mqueue and cgroup, which the first process makes, others, and binds.
var mountKinds = map[string]specs.Mount{
	"proc":   {Destination: "/proc", Type: "proc", Source: "proc"},
	"sysfs":  {Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"ro"}},
	"mqueue": {Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue"},
	"cgroup": {Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro"}},
	"tmpfs":  {Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"},
	"shm":    {Destination: "/dev/shm", Type: "tmpfs", Source: "shm"},
	"devpts": {Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance"}},
	"dev":    {Destination: "/dev", Type: "tmpfs", Source: "tmpfs"},
	"file":   {Destination: "/etc/hosts", Type: "bind", Source: "/etc/hosts", Options: []string{"bind", "ro"}},
	"dir":    {Destination: "/srv", Type: "bind", Source: "/etc", Options: []string{"rbind", "ro"}},
	"hosts":  {Destination: "/proc", Type: "bind", Source: "/proc", Options: []string{"rbind"}}, // the host's procfs
}

// Whatever subset of mounts a container has, it runs: the first process and its
// builder have to agree on who waits for whom in each of them. (Where nobody waited
// for the first process's report 40 to 90 % of runs failed.)
func TestFewMounts(t *testing.T) {
	harness.Once(t)
	harness.Busy(t, 2)
	for name, c := range map[string]struct {
		mounts []string
		edit   harness.Edit
	}{
		"none":                     {},
		"tmpfs":                    {mounts: []string{"tmpfs"}},
		"two tmpfs":                {mounts: []string{"tmpfs", "shm"}},
		"dev":                      {mounts: []string{"dev"}},
		"dev devpts":               {mounts: []string{"dev", "devpts"}},
		"file":                     {mounts: []string{"file"}},
		"dir":                      {mounts: []string{"dir"}},
		"file dir tmpfs":           {mounts: []string{"file", "dir", "tmpfs"}},
		"proc":                     {mounts: []string{"proc"}},
		"sysfs":                    {mounts: []string{"sysfs"}},
		"mqueue":                   {mounts: []string{"dev", "mqueue"}},
		"sysfs cgroup":             {mounts: []string{"sysfs", "cgroup"}},
		"proc tmpfs":               {mounts: []string{"proc", "tmpfs"}},
		"none, host's network":     {edit: harness.WithoutNS(specs.NetworkNamespace)},
		"none, host's pids":        {edit: harness.WithoutNS(specs.PIDNamespace)},
		"host's proc, host's pids": {mounts: []string{"hosts", "tmpfs"}, edit: harness.WithoutNS(specs.PIDNamespace)},
		"none, user namespace":     {edit: harness.MappedRoot},
		"tmpfs, user namespace":    {mounts: []string{"tmpfs"}, edit: harness.MappedRoot},
		"none, two namespaces":     {edit: onlyNamespaces(specs.MountNamespace, specs.PIDNamespace)},
		"none, sysctl": {edit: func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.shmmax": "4096"}
		}},
		"all": {mounts: []string{"proc", "dev", "devpts", "shm", "mqueue", "sysfs", "cgroup", "tmpfs", "file", "dir"}},
	} {
		t.Run(name, func(t *testing.T) {
			edit := c.edit
			if edit == nil {
				edit = func(*specs.Spec) {}
			}
			b := harness.New(t, edit, func(s *specs.Spec) {
				s.Mounts = []specs.Mount{}
				for _, kind := range c.mounts {
					s.Mounts = append(s.Mounts, mountKinds[kind])
				}
				// The default masks are of a procfs and a sysfs.
				s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
			})
			b.Chown(t)
			runs := 200
			if testing.Short() {
				runs = 8
			}
			failed := 0
			var last *harness.Result
			for range runs {
				if r := b.Container(t, "run"); r.Code != 0 || r.Stderr != "" {
					failed, last = failed+1, r
				}
			}
			if failed > 0 {
				t.Errorf("%d of %d runs failed, the last one: %v", failed, runs, last)
			}
		})
	}
}

// onlyNamespaces leaves a container namespaces of these types only.
func onlyNamespaces(kinds ...specs.LinuxNamespaceType) harness.Edit {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = nil
		for _, kind := range kinds {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind})
		}
		s.Hostname = ""
	}
}
