package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/seccomp"
)

// Annotations of `features`. Engines that ask for runc's key about checkpoints find it.
const (
	annotationVersion    = "org.rung.version"
	annotationCommit     = "org.rung.commit"
	annotationCheckpoint = "org.opencontainers.runc.checkpoint.enabled"
	annotationLibseccomp = "io.github.seccomp.libseccomp.version" // of a build that has it
)

// memoryFeatures are the modes and flags of linux.memoryPolicy.
func memoryFeatures() *features.MemoryPolicy {
	var f features.MemoryPolicy
	for _, m := range memoryModes {
		f.Modes = append(f.Modes, string(m.name))
	}
	for _, flag := range memoryFlags {
		f.Flags = append(f.Flags, string(flag.name))
	}
	return &f
}

// Features returns what this runtime implements, whatever the host offers (runtime-spec
// features.md). version and commit are those of the runtime; an empty one is left out.
func Features(version, commit string) *features.Features {
	yes := true
	annotations := map[string]string{annotationCheckpoint: "true"}
	if version != "" {
		annotations[annotationVersion] = version
	}
	if commit != "" {
		annotations[annotationCommit] = commit
	}
	if library := seccomp.Library(); library != "" {
		annotations[annotationLibseccomp] = library
	}
	return &features.Features{
		OCIVersionMin: "1.0.0",
		OCIVersionMax: specs.Version,
		Hooks:         []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"},
		MountOptions:  option.Words(),
		Linux: &features.Linux{
			Namespaces:   []string{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"},
			Capabilities: caps.Known(),
			Cgroup:       &features.Cgroup{V1: &yes, V2: &yes, Systemd: &yes, SystemdUser: &yes, Rdma: &yes},
			Seccomp: &features.Seccomp{
				Enabled: &yes, Actions: seccomp.Actions(), Operators: seccomp.Operators(), Archs: seccomp.Architectures(),
				KnownFlags: seccomp.Flags(), SupportedFlags: seccomp.Flags(),
			},
			Apparmor:        &features.Apparmor{Enabled: &yes},
			Selinux:         &features.Selinux{Enabled: &yes},
			IntelRdt:        &features.IntelRdt{Enabled: &yes, Schemata: &yes, Monitoring: &yes},
			MemoryPolicy:    memoryFeatures(),
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: &yes}},
			NetDevices:      &features.NetDevices{Enabled: &yes},
		},
		Annotations:                        annotations,
		PotentiallyUnsafeConfigAnnotations: []string{"org.systemd.property.", "org.criu.config", annotationKeepGroups},
	}
}
