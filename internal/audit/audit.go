// Package audit reads a configuration as a reviewer would, without a look at the host: what is wrong with it, what of it has no
// effect, what is dated, and what gives the container more than it may need.
package audit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/spec"
)

// Severity is how bad a finding is.
type Severity string

// The severities, from the worst on.
const (
	Error      Severity = "error"      // no container is made of it
	Ignored    Severity = "ignored"    // it has no effect
	Differs    Severity = "differs"    // runc makes something else of it
	Deprecated Severity = "deprecated" // the specification advises against it
	Risky      Severity = "risky"      // it gives the container power over the host
)

// Severities are all of them, in this order.
var Severities = []Severity{Error, Ignored, Differs, Deprecated, Risky}

// A Finding is something to be said about a field.
type Finding struct {
	Severity Severity
	Path     string // as in [spec.FieldError]
	Line     int    // from 1, as Column; where the field stands or, if it is missing, what it is missing in
	Column   int
	Message  string
	Section  string // of the runtime specification: file and anchor
	Fix      string // what to do about it; may be empty
}

// Config finds what there is to be said about a config.json, in order of severity and then of place.
func Config(raw []byte) []Finding {
	s, wrong, odd := spec.Examine(raw)
	a := auditor{s: s, raw: raw}
	for _, e := range wrong {
		a.list = append(a.list, Finding{Severity: Error, Path: e.Path, Line: e.Line, Column: e.Column, Message: e.Msg, Fix: mend(e.Msg)})
	}
	for _, e := range odd {
		a.list = append(a.list, Finding{Severity: Ignored, Path: e.Path, Line: e.Line, Column: e.Column, Message: e.Msg, Fix: mend(e.Msg)})
	}
	if s != nil {
		a.names()
		a.dated()
		a.differences()
		a.risks()
	}
	for i := range a.list {
		a.list[i].Section = section(a.list[i].Path)
	}
	slices.SortStableFunc(a.list, func(x, y Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Severities, x.Severity), slices.Index(Severities, y.Severity)),
			cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	return a.list
}

// An auditor collects the findings of one configuration.
type auditor struct {
	s    *specs.Spec
	raw  []byte
	list []Finding
}

func (a *auditor) find(s Severity, path, msg, fix string) {
	line, column := spec.Locate(a.raw, path)
	a.list = append(a.list, Finding{Severity: s, Path: path, Line: line, Column: column, Message: msg, Fix: fix})
}

// mend says what to do about an error, where that is more than the error says.
func mend(msg string) string {
	switch {
	case msg == "required" || strings.HasPrefix(msg, "required,"):
		return "add it"
	case msg == "must be an absolute path":
		return "begin it with /"
	case strings.HasPrefix(msg, "needs linux.namespaces to list "):
		return `add {"type": ` + strings.TrimPrefix(msg, "needs linux.namespaces to list ") + "} to linux.namespaces, or leave the field out"
	case strings.HasPrefix(msg, "unknown key is ignored"):
		return "rename it, or leave it out"
	case strings.HasPrefix(msg, "ignored, "):
		return "leave it out"
	}
	return ""
}

// sections of the specification by what paths begin with, the first that fits.
var sections = [][2]string{
	{"ociVersion", "config.md#specification-version"},
	{"root", "config.md#root"},
	{"mounts", "config.md#mounts"},
	{"process.user", "config.md#user"},
	{"process", "config.md#process"},
	{"hostname", "config.md#hostname"},
	{"domainname", "config.md#domainname"},
	{"hooks", "config.md#posix-platform-hooks"},
	{"annotations", "config.md#annotations"},
	{"linux.namespaces", "config-linux.md#namespaces"},
	{"linux.uidMappings", "config-linux.md#user-namespace-mappings"},
	{"linux.gidMappings", "config-linux.md#user-namespace-mappings"},
	{"linux.timeOffsets", "config-linux.md#offset-for-time-namespace"},
	{"linux.devices", "config-linux.md#devices"},
	{"linux.netDevices", "config-linux.md#network-devices"},
	{"linux.cgroupsPath", "config-linux.md#cgroups-path"},
	{"linux.resources.devices", "config-linux.md#allowed-device-list"},
	{"linux.resources.memory", "config-linux.md#memory"},
	{"linux.resources.cpu", "config-linux.md#cpu"},
	{"linux.resources.blockIO", "config-linux.md#block-io"},
	{"linux.resources.hugepageLimits", "config-linux.md#huge-page-limits"},
	{"linux.resources.network", "config-linux.md#network"},
	{"linux.resources.pids", "config-linux.md#pids"},
	{"linux.resources.rdma", "config-linux.md#rdma"},
	{"linux.resources.unified", "config-linux.md#unified"},
	{"linux.resources", "config-linux.md#control-groups"},
	{"linux.intelRdt", "config-linux.md#intelrdt"},
	{"linux.memoryPolicy", "config-linux.md#memory-policy"},
	{"linux.sysctl", "config-linux.md#sysctl"},
	{"linux.seccomp", "config-linux.md#seccomp"},
	{"linux.rootfsPropagation", "config-linux.md#rootfs-mount-propagation"},
	{"linux.maskedPaths", "config-linux.md#masked-paths"},
	{"linux.readonlyPaths", "config-linux.md#readonly-paths"},
	{"linux.mountLabel", "config-linux.md#mount-label"},
	{"linux.personality", "config-linux.md#personality"},
	{"linux", "config-linux.md"},
}

func section(path string) string {
	for _, s := range sections {
		if rest, ok := strings.CutPrefix(path, s[0]); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return s[1]
		}
	}
	return "config.md"
}
