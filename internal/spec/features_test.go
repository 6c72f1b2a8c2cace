package spec

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestFeatures(t *testing.T) {
	f := Features("1.2.3", "abc")
	want := map[string]string{"org.rung.version": "1.2.3", "org.rung.commit": "abc", "org.opencontainers.runc.checkpoint.enabled": "true"}
	if !reflect.DeepEqual(f.Annotations, want) {
		t.Errorf("Annotations = %v, want %v", f.Annotations, want)
	}
	if got := Features("", "").Annotations; len(got) != 1 {
		t.Errorf("Annotations without a version = %v, want one", got)
	}
	if !slices.Contains(f.MountOptions, "idmap") || !slices.Contains(f.MountOptions, "ridmap") || !*f.Linux.MountExtensions.IDMap.Enabled || !slices.Contains(f.MountOptions, "rro") || !slices.IsSorted(f.MountOptions) {
		t.Errorf("MountOptions = %q", f.MountOptions)
	}
	// What can change more than the fields do, with a container of somebody else's.
	if want := []string{"org.systemd.property.", "org.criu.config", "run.oci.keep_original_groups"}; !slices.Equal(f.PotentiallyUnsafeConfigAnnotations, want) {
		t.Errorf("PotentiallyUnsafeConfigAnnotations = %q, want %q", f.PotentiallyUnsafeConfigAnnotations, want)
	}
	if r := f.Linux.IntelRdt; !*r.Enabled || !*r.Schemata || !*r.Monitoring || !*f.Linux.NetDevices.Enabled || len(f.Linux.MemoryPolicy.Modes) != 7 {
		t.Errorf("intelRdt %+v, netDevices %+v, memoryPolicy %+v", r, f.Linux.NetDevices, f.Linux.MemoryPolicy)
	}
	if len(f.Linux.Capabilities) != 41 || len(f.Linux.Namespaces) != 8 || len(f.Hooks) != 6 {
		t.Errorf("%d capabilities, %d namespaces, %d hooks, want 41, 8, 6", len(f.Linux.Capabilities), len(f.Linux.Namespaces), len(f.Hooks))
	}
	// What features promises must validate: every version in between, every namespace and hook.
	for _, v := range []string{f.OCIVersionMin, "1.0.2", "1.1.0", "1.2.1", f.OCIVersionMax} {
		s := Example()
		s.Version = v
		s.Linux.Namespaces = nil
		for _, ns := range f.Linux.Namespaces {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.LinuxNamespaceType(ns)})
		}
		s.Linux.UIDMappings = []specs.LinuxIDMapping{{Size: 6}}
		s.Linux.GIDMappings = []specs.LinuxIDMapping{{Size: 6}}
		if err := Validate(s); err != nil {
			t.Errorf("Validate with the features of %s: %v", v, err)
		}
	}
}

// The lists of R30, and no inheritable capabilities.
func TestExample(t *testing.T) {
	s := Example()
	if err := Validate(s); err != nil {
		t.Errorf("Validate: %v", err)
	}
	masked := strings.Fields(`/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list
		/proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap`)
	if !slices.Equal(s.Linux.MaskedPaths, masked) {
		t.Errorf("maskedPaths = %q, want %q", s.Linux.MaskedPaths, masked)
	}
	readonly := strings.Fields(`/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger`)
	if !slices.Equal(s.Linux.ReadonlyPaths, readonly) {
		t.Errorf("readonlyPaths = %q, want %q", s.Linux.ReadonlyPaths, readonly)
	}
	c := s.Process.Capabilities
	if !s.Process.NoNewPrivileges || c.Inheritable != nil || c.Ambient != nil || len(c.Bounding) != 3 {
		t.Errorf("noNewPrivileges %v, capabilities %+v", s.Process.NoNewPrivileges, c)
	}
	if s.Version != "1.3.0" || !s.Process.Terminal || s.Process.Args[0] != "sh" {
		t.Errorf("version %s, process %+v", s.Version, s.Process)
	}
}

func TestRootless(t *testing.T) {
	s := Example()
	Rootless(s, 1000, 100)
	if err := Validate(s); err != nil {
		t.Errorf("Validate: %v", err)
	}
	ns := namespacesOf(s)
	if !ns[specs.UserNamespace].isNew() || ns[specs.NetworkNamespace].set || s.Linux.Resources != nil {
		t.Errorf("namespaces %+v, resources %+v", s.Linux.Namespaces, s.Linux.Resources)
	}
	if want := []specs.LinuxIDMapping{{HostID: 1000, Size: 1}}; !reflect.DeepEqual(s.Linux.UIDMappings, want) {
		t.Errorf("uidMappings = %+v, want %+v", s.Linux.UIDMappings, want)
	}
	if want := []specs.LinuxIDMapping{{HostID: 100, Size: 1}}; !reflect.DeepEqual(s.Linux.GIDMappings, want) {
		t.Errorf("gidMappings = %+v, want %+v", s.Linux.GIDMappings, want)
	}
	for _, m := range s.Mounts {
		if m.Type == "sysfs" || slices.Contains(m.Options, "gid=5") {
			t.Errorf("mount %+v", m)
		}
	}
	again := Example()
	Rootless(again, 1, 1)
	Rootless(again, 1000, 100)
	if !reflect.DeepEqual(s, again) {
		t.Errorf("Rootless twice = %+v, want %+v", again, s)
	}
}
