// Package preview tells what will happen to a container before it does: a plan for people who read it and for programs. It asks the
// host nothing; what only the host knows is in [Input].
package preview

import (
	"encoding/hex"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/digest"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/step"
)

// Preview is all that create would do, in the order of its parts, of which the ones that a container hasn't are empty. Its JSON is
// described by docs/schema/plan.json.
type Preview struct {
	ID          string       `json:"id"`
	Bundle      string       `json:"bundle"`
	Rootfs      string       `json:"rootfs"`
	Caller      Caller       `json:"caller"`
	Warnings    []string     `json:"warnings"`
	Namespaces  []Namespace  `json:"namespaces"`
	UIDMappings []IDMapping  `json:"uidMappings"`
	GIDMappings []IDMapping  `json:"gidMappings"`
	Cgroup      Cgroup       `json:"cgroup"`
	Mounts      []Mount      `json:"mounts"`
	Devices     []Device     `json:"devices"`
	Hooks       []Hook       `json:"hooks"`
	Sysctls     []Write      `json:"sysctls"`
	Seccomp     *Seccomp     `json:"seccomp"`
	Process     *Process     `json:"process"`
	Settings    []Setting    `json:"settings"`
	Steps       []string     `json:"steps"`
	SystemCalls []SystemCall `json:"systemCalls"`
}

// Caller is who creates the container.
type Caller struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
	// AsRoot says that the caller may not create this container, and that the plan is root's.
	AsRoot bool `json:"asRoot"`
}

// Namespace is where the container is in one respect.
type Namespace struct {
	Type string `json:"type"`
	How  string `json:"how"` // new, joined, host
	Path string `json:"path,omitempty"`
}

// IDMapping is a line of uid_map or gid_map.
type IDMapping struct {
	Container uint32 `json:"containerID"`
	Host      uint32 `json:"hostID"`
	Size      uint32 `json:"size"`
}

// Cgroup is where the container's processes are counted and limited.
type Cgroup struct {
	Layout      string            `json:"layout"` // of the host: unified, legacy, hybrid, none
	Driver      string            `json:"driver"` // cgroupfs, systemd, none
	Directories map[string]string `json:"directories"`
	Unit        string            `json:"unit,omitempty"`
	Slice       string            `json:"slice,omitempty"`
	Properties  []string          `json:"properties"`
	Writes      []Write           `json:"writes"`
	// DeviceProgram is the number of instructions of the program that decides about devices on cgroup v2; 0: none is attached.
	DeviceProgram int `json:"deviceProgram"`
	// DeviceDigest is that of this program, see [Seccomp.Digest].
	DeviceDigest string   `json:"deviceDigest,omitempty"`
	Resctrl      []string `json:"resctrl"` // directories of the resctrl file system
}

// Write is a value that a file of a cgroup gets.
type Write struct {
	File     string `json:"file"`
	Value    string `json:"value"`
	Field    string `json:"field,omitempty"` // of the configuration; none for rung's own doing
	Optional bool   `json:"optional,omitempty"`
}

// Seccomp is the filter of system calls.
type Seccomp struct {
	Instructions int    `json:"instructions"`
	Digest       string `json:"digest"` // sha256 of the program: two that decide anything differently have others
	Flags        uint32 `json:"flags"`  // of seccomp(2)
	Notify       bool   `json:"notify"`
}

// SystemCall is an entry of the tapes that the player and the first process play, see docs/ARCHITECTURE.md. What builds the root
// filesystem is queued while it is built and not among them: these are the steps.
type SystemCall struct {
	Call     string `json:"call"`
	For      string `json:"for"`
	Optional bool   `json:"optional,omitempty"`
}

// Input is what a preview is made of.
type Input struct {
	ID       string
	Bundle   string
	Rootfs   string
	Spec     *specs.Spec
	Plan     *plan.Plan
	Host     *plan.Host
	AsRoot   bool
	Driver   string
	Forecast *cgroups.Forecast
	Resctrl  []string
	Warnings []string
	// Source says of a path on the host where its links lead, and which MOUNT_ATTR_* flags the mount has that it is on. It may be nil.
	Source func(path string) (resolved string, flags uint64, err error)
	// Directory tells whether a path below a directory of the host's, which its links don't leave, is a directory. It may be nil.
	Directory func(root, path string) (bool, error)
}

// Of makes a preview.
func Of(in *Input) *Preview {
	p := &Preview{
		ID: in.ID, Bundle: in.Bundle, Rootfs: in.Rootfs, Caller: Caller{in.Host.UID, in.Host.GID, in.AsRoot},
		Warnings: in.Warnings, Namespaces: namespaces(in.Spec), Cgroup: cgroup(in),
		Mounts: mounts(in), Devices: devices(in.Plan), Hooks: hooks(in), Process: process(in.Spec), Settings: settings(in.Spec),
		Steps: []string{}, SystemCalls: []SystemCall{},
	}
	if p.Warnings == nil {
		p.Warnings = []string{}
	}
	p.UIDMappings, p.GIDMappings = []IDMapping{}, []IDMapping{}
	if l := in.Spec.Linux; l != nil {
		p.UIDMappings, p.GIDMappings = idMappings(l.UIDMappings), idMappings(l.GIDMappings)
	}
	p.Sysctls = []Write{}
	for _, s := range in.Plan.Orders.Steps {
		p.Steps = append(p.Steps, s.String())
		if s, ok := s.(*step.Sysctl); ok {
			p.Sysctls = append(p.Sysctls, Write{File: "/proc/sys/" + s.Path, Value: s.Value, Field: "linux.sysctl"})
		}
	}
	for _, c := range in.Plan.Calls() {
		p.SystemCalls = append(p.SystemCalls, SystemCall{c.Name, c.Label, c.Optional})
	}
	if n := in.Plan.Filter; n.Instructions > 0 {
		p.Seccomp = &Seccomp{n.Instructions, sum(n.Code), n.Flags, n.Notify}
	}
	return p
}

// sum is the digest of a program.
func sum(code []byte) string { return "sha256:" + hex.EncodeToString(digest.SHA256(code)) }

func idMappings(list []specs.LinuxIDMapping) []IDMapping {
	out := make([]IDMapping, 0, len(list))
	for _, m := range list {
		out = append(out, IDMapping{m.ContainerID, m.HostID, m.Size})
	}
	return out
}

// types are those of namespaces, in the order in which they are told.
var types = [...]specs.LinuxNamespaceType{
	specs.UserNamespace, specs.MountNamespace, specs.PIDNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace,
	specs.CgroupNamespace, specs.TimeNamespace,
}

func namespaces(s *specs.Spec) []Namespace {
	list := make([]Namespace, 0, len(types))
	for _, t := range types {
		n := Namespace{Type: string(t), How: "host"}
		if s.Linux != nil {
			for _, ns := range s.Linux.Namespaces {
				switch {
				case ns.Type != t:
				case ns.Path == "":
					n.How = "new"
				default:
					n.How, n.Path = "joined", ns.Path
				}
			}
		}
		list = append(list, n)
	}
	return list
}

func cgroup(in *Input) Cgroup {
	c := Cgroup{
		Layout: in.Host.Layout.Mode.String(), Driver: in.Driver, Directories: map[string]string{}, Properties: []string{}, Writes: []Write{},
		Unit: in.Forecast.Unit, Slice: in.Forecast.Slice, DeviceProgram: in.Forecast.Program, Resctrl: in.Resctrl,
	}
	if len(in.Forecast.Code) > 0 {
		c.DeviceDigest = sum(in.Forecast.Code)
	}
	for key, dir := range in.Host.Location {
		c.Directories[key] = filepath.Clean(dir)
	}
	c.Properties = append(c.Properties, in.Forecast.Properties...)
	for _, w := range in.Forecast.Writes {
		c.Writes = append(c.Writes, Write(w))
	}
	if c.Resctrl == nil {
		c.Resctrl = []string{}
	}
	return c
}
