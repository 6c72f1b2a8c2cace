package engines

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// An adapter changes what belongs to the host on which an engine wrote a
// configuration, and notes what it changed.
type adapter struct {
	t     *testing.T
	b     *harness.Bundle
	host  string // directory that stands for the engine's host's root
	notes []string
}

func (a *adapter) note(format string, args ...any) {
	a.notes = append(a.notes, fmt.Sprintf(format, args...))
}

func (a *adapter) adapt(s *specs.Spec) {
	if s.Linux.CgroupsPath != "" {
		s.Linux.CgroupsPath = "/" + a.b.ID
	}
	s.Root.Path = "rootfs"
	s.Mounts = slices.DeleteFunc(s.Mounts, a.absent)
	for i := range s.Mounts {
		a.mount(&s.Mounts[i])
	}
	a.namespaces(s)
	a.hooks(s.Hooks)
	a.capabilities(s.Process)
	a.rlimits(s.Process)
	a.oomScore(s.Process)
	a.resources(s)
}

// mount supplies a dummy source for a bind mount of the engine's files.
func (a *adapter) mount(m *specs.Mount) {
	bind := slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
	if !bind || !filepath.IsAbs(m.Source) || under(m.Source, "/proc", "/sys", "/dev") {
		return
	}
	path := a.host + m.Source
	if looksLikeFile(m.Destination) {
		a.write(path, "dummy\n")
	} else if err := os.MkdirAll(path, 0o777); err != nil {
		a.t.Fatal(err)
	} else if err := os.Chmod(path, 0o1777); err != nil {
		a.t.Fatal(err)
	}
	m.Source = path
}

// absent are mounts of kernel files that this view doesn't have.
func (a *adapter) absent(m specs.Mount) bool {
	if !under(m.Source, "/proc", "/sys", "/dev") {
		return false
	}
	_, err := os.Stat(m.Source)
	if err != nil {
		a.note("mount of %s", m.Source)
	}
	return err != nil
}

func under(path string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return path == d || strings.HasPrefix(path, d+"/") })
}

func looksLikeFile(destination string) bool {
	return under(destination, "/etc", "/sbin", "/usr/bin") || strings.HasPrefix(destination, "/run/.")
}

func (a *adapter) write(path, text string) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		a.t.Fatal(err)
	}
}

// namespaces makes new ones where the engine's were joined.
func (a *adapter) namespaces(s *specs.Spec) {
	for i := range s.Linux.Namespaces {
		ns := &s.Linux.Namespaces[i]
		if ns.Path == "" {
			continue
		}
		a.note("linux.namespaces[%s].path", ns.Type)
		ns.Path = ""
		if ns.Type == specs.UserNamespace && len(s.Linux.UIDMappings) == 0 {
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 300000, Size: 65536}}
			s.Linux.GIDMappings = s.Linux.UIDMappings
		}
	}
}

// hooks keep their files in the dummy host; dockerd's own program is replaced.
func (a *adapter) hooks(h *specs.Hooks) {
	if h == nil {
		return
	}
	for _, list := range [][]specs.Hook{h.Prestart, h.CreateRuntime, h.CreateContainer, h.StartContainer, h.Poststart, h.Poststop} {
		for i := range list {
			for j, arg := range list[i].Args {
				list[i].Args[j] = strings.ReplaceAll(arg, "/srv/engine/", a.host+"/srv/engine/")
			}
			if strings.HasPrefix(list[i].Path, "/proc/") {
				a.note("hook %s", strings.Join(list[i].Args[:1], " "))
				list[i].Path = "/bin/true"
			}
		}
	}
	if err := os.MkdirAll(a.host+"/srv/engine/hk", 0o777); err != nil {
		a.t.Fatal(err)
	}
	os.Chmod(a.host+"/srv/engine/hk", 0o1777)
}

// capabilities takes away what this process couldn't give.
func (a *adapter) capabilities(p *specs.Process) {
	if p.Capabilities == nil {
		return
	}
	drop := func(name string) bool {
		n, ok := capNumbers[name]
		held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if !ok || (err == nil && held == 1) {
			return false
		}
		if note := "capability " + name; !slices.Contains(a.notes, note) {
			a.note("%s", note)
		}
		return true
	}
	c := p.Capabilities
	for _, set := range []*[]string{&c.Bounding, &c.Effective, &c.Permitted, &c.Inheritable, &c.Ambient} {
		*set = slices.DeleteFunc(*set, drop)
	}
}

// capNumbers has those that containers' hosts may lack.
var capNumbers = map[string]int{
	"CAP_SYS_RESOURCE": unix.CAP_SYS_RESOURCE, "CAP_SYS_MODULE": unix.CAP_SYS_MODULE, "CAP_SYS_BOOT": unix.CAP_SYS_BOOT,
	"CAP_SYS_TIME": unix.CAP_SYS_TIME, "CAP_MAC_ADMIN": unix.CAP_MAC_ADMIN, "CAP_MAC_OVERRIDE": unix.CAP_MAC_OVERRIDE,
	"CAP_CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE, "CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON,
}

func (a *adapter) rlimits(p *specs.Process) {
	numbers := map[string]int{
		"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_CORE": unix.RLIMIT_CORE,
		"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
	}
	for i := range p.Rlimits {
		r := &p.Rlimits[i]
		var own unix.Rlimit
		if n, ok := numbers[r.Type]; !ok || unix.Prlimit(0, n, nil, &own) != nil || r.Hard <= own.Max || !lacksSysResource() {
			continue
		}
		a.note("%s %d -> %d", r.Type, r.Hard, own.Max)
		r.Hard, r.Soft = own.Max, min(r.Soft, own.Max)
	}
}

func lacksSysResource() bool {
	held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, unix.CAP_SYS_RESOURCE, 0, 0, 0)
	return err != nil || held == 0
}

func (a *adapter) oomScore(p *specs.Process) {
	if p.OOMScoreAdj != nil && *p.OOMScoreAdj < 0 && lacksSysResource() {
		a.note("oomScoreAdj %d", *p.OOMScoreAdj)
		p.OOMScoreAdj = nil
	}
}

// resources drops limits of controllers that this view of the host doesn't
// have, and what a host of the other cgroup version has.
func (a *adapter) resources(s *specs.Spec) {
	r := s.Linux.Resources
	if r == nil {
		return
	}
	lacks := func(field, controller string, asked bool) bool {
		if !asked || harness.HasController(controller) {
			return false
		}
		a.note("linux.resources.%s (no %s controller)", field, controller)
		return true
	}
	if lacks("memory", "memory", r.Memory != nil) {
		r.Memory = nil
	}
	if lacks("pids", "pids", r.Pids != nil) {
		r.Pids = nil
	}
	if lacks("cpu", "cpu", r.CPU != nil) || lacks("cpu", "cpuset", r.CPU != nil && r.CPU.Cpus+r.CPU.Mems != "") {
		r.CPU = nil
	}
	io := "blkio"
	if harness.HasController("io") {
		io = "io"
	}
	if lacks("blockIO", io, r.BlockIO != nil) {
		r.BlockIO = nil
	}
	if lacks("hugepageLimits", "hugetlb", len(r.HugepageLimits) > 0) {
		r.HugepageLimits = nil
	}
	if lacks("network", "net_cls", r.Network != nil) {
		r.Network = nil
	}
	for file := range r.Unified {
		controller, _, _ := strings.Cut(file, ".")
		if harness.View() != harness.V2 || !harness.HasController(controller) {
			a.note("linux.resources.unified[%s]", file)
			delete(r.Unified, file)
		}
	}
}
