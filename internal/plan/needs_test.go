package plan

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/step"
)

// wishes are the fields that make steps.
var wishes = []struct {
	name string
	edit func(s *specs.Spec)
}{
	{"sysctl", func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"} }},
	{"proc", mounts(specs.Mount{Destination: "/proc", Type: "proc", Source: "proc"})},
	{"sysfs", mounts(specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs"})},
	{"tmpfs", mounts(specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro"}})},
	{"devpts", mounts(specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts"})},
	{"mqueue", mounts(specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue"})},
	{"cgroup", mounts(specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup"})},
	{"block", mounts(specs.Mount{Destination: "/mnt", Type: "ext4", Source: "/dev/loop0"})},
	{"bind", mounts(specs.Mount{Destination: "/data", Source: "/srv", Options: []string{"rbind", "ro"}})},
	{"bind of the root's", mounts(specs.Mount{Destination: "/data", Source: "/bundle/rootfs/etc", Options: []string{"bind"}})},
	{"mapped", mounts(specs.Mount{Destination: "/data", Source: "/srv", Options: []string{"bind"}, UIDMappings: one, GIDMappings: one})},
	{"remount", mounts(specs.Mount{Destination: "/", Options: []string{"remount", "ro"}})},
	{"devices", func(s *specs.Spec) {
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "c", Major: 1, Minor: 3}}
	}},
	{"masks", func(s *specs.Spec) { s.Linux.MaskedPaths = []string{"/proc/kcore", "/sys/firmware"} }},
	{"read-only paths", func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/proc/sys", "/"} }},
	{"read-only root", func(s *specs.Spec) { s.Root.Readonly = true }},
	{"propagation", func(s *specs.Spec) { s.Linux.RootfsPropagation = "shared" }},
	{"terminal", func(s *specs.Spec) { s.Process.Terminal = true }},
	{"directory", func(s *specs.Spec) { s.Process.Cwd = "/srv" }},
	{"home", func(s *specs.Spec) { s.Process.Env = []string{"HOME="} }},
	{"hooks", func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/hook"}}, CreateContainer: []specs.Hook{{Path: "/hook"}}}
	}},
	{"network devices", func(s *specs.Spec) { s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"eth7": {}} }},
}

var one = []specs.LinuxIDMapping{{Size: 65536}}

func mounts(m specs.Mount) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Mounts = append(s.Mounts, m) }
}

// A way is how a container comes to a namespace.
type way int

const (
	callers way = iota
	fresh
	joined
)

func (w way) String() string { return [...]string{"caller's", "new", "joined"}[w] }

// Every step has what it works on, whatever a configuration asks for, in whichever namespaces.
func TestNeeds(t *testing.T) {
	seen := map[string]bool{}
	for mnt := callers; mnt <= joined; mnt++ {
		for user := callers; user <= joined; user++ {
			for pid := callers; pid <= joined; pid++ {
				for i := range wishes {
					for j := range wishes[i:] { // j 0: it alone
						testNeeds(t, [3]way{mnt, user, pid}, seen, i, i+j)
					}
				}
				all := make([]int, len(wishes))
				for i := range all {
					all[i] = i
				}
				testNeeds(t, [3]way{mnt, user, pid}, seen, all...)
			}
		}
	}
	for _, name := range stepTypes(t) {
		if name != "StandIn" && !seen[name] { // which is a restoration's
			t.Errorf("no configuration here has step %s: it needs a wish", name)
		}
	}
}

// testNeeds plans a configuration on several hosts.
func testNeeds(t *testing.T, ways [3]way, seen map[string]bool, asked ...int) {
	t.Helper()
	for name, change := range map[string]func(*Host, *Options){
		"root": func(*Host, *Options) {}, "no pivot": func(_ *Host, o *Options) { o.NoPivot = true }, "v1": func(h *Host, _ *Options) { h.Layout, h.Location = legacy() },
		"ordinary user": func(h *Host, _ *Options) { ordinary(h, 1000) }, "mapped root": func(h *Host, _ *Options) { h.UserNS = true },
	} {
		if name == "ordinary user" && ways[1] == callers {
			continue
		}
		s, h, o := bare(ways), facts(), options()
		h.Disks = map[Disk]bool{{"ext4", "/dev/loop0"}: true}
		change(h, o)
		what := fmt.Sprintf("%s, mount namespace %s, user %s, pid %s:", name, ways[0], ways[1], ways[2])
		for _, i := range asked {
			wishes[i].edit(s)
			what += " " + wishes[i].name
		}
		for _, n := range s.Linux.Namespaces {
			if n.Path != "" {
				h.Joined = append(h.Joined, Joined{Flag: Flag(n.Type)})
			}
		}
		if spec.Validate(s) != nil {
			continue
		}
		p, err := Create(s, h, o)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, fault := range needs(p, ways) {
			t.Errorf("%s: %s", what, fault)
		}
		sane(t, p)
		for _, s := range p.Orders.Steps {
			seen[reflect.TypeOf(s).Elem().Name()] = true
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// bare is a configuration that asks for nothing but namespaces: network, and those of the ways to mount, user and pid.
func bare(ways [3]way) *specs.Spec {
	s := &specs.Spec{
		Version: specs.Version, Root: &specs.Root{Path: "rootfs"}, Process: &specs.Process{Args: []string{"/bin/true"}, Cwd: "/", Env: []string{"HOME=/"}},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.NetworkNamespace}, {Type: specs.IPCNamespace}}},
	}
	for i, kind := range []specs.LinuxNamespaceType{specs.MountNamespace, specs.UserNamespace, specs.PIDNamespace} {
		switch ways[i] {
		case fresh:
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind})
		case joined:
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: "/proc/7/ns/x"})
		}
	}
	if ways[1] == fresh {
		s.Linux.UIDMappings, s.Linux.GIDMappings = one, one
	}
	return s
}

// needs says what steps of a plan haven't got. Each kind of step is here with what [step.Env] has to have for it.
func needs(p *Plan, ways [3]way) (faults []string) {
	var root, sysctls bool
	late := 0
	mountable := ways[1] != fresh || ways[0] == fresh // else the kernel lets nobody make a mount
	for _, s := range p.Orders.Steps {
		bad := func(what string) { faults = append(faults, fmt.Sprintf("%q: %s", s, what)) }
		tree := func(i int) {
			if all := p.AllSources(); i < 0 || i >= len(all) {
				bad(fmt.Sprintf("source %d of %d", i, len(all)))
			}
		}
		needsRoot, mounts := true, true
		switch s := s.(type) {
		case *step.OpenSysctls:
			sysctls, needsRoot = true, false
			mounts = s.From == step.SysctlsNew || s.From == step.SysctlsClone
			if root {
				bad("it comes after the root")
			}
			if s.From == step.SysctlsTree {
				tree(s.Tree)
			}
			if s.From == step.SysctlsPlain && ways[0] != callers {
				bad("whose procfs is that?")
			}
		case *step.Sysctl:
			if needsRoot, mounts = false, false; !sysctls {
				bad("nothing has opened kernel parameters")
			}
		case *step.EnterRoot:
			tree(s.Tree)
			root, needsRoot = true, false
		case *step.UseRoot:
			root, needsRoot, mounts = true, false, false
		case *step.Mount:
			if s.From == step.FromTree || s.From == step.FromContext {
				tree(s.Index)
			}
		case *step.BindDevice:
			tree(s.Tree)
		case *step.Mask:
			tree(s.Null)
			if s.Dir >= 0 {
				tree(s.Dir)
			}
		case *step.Console:
			mounts = s.Bind
			late++
		case *step.KeepRoot:
			mounts = false
			late++
		case *step.Home:
			if mounts = false; s.Text == 0 || s.Pointer == 0 {
				bad("no room for it")
			}
		case *step.HostHooks, *step.ContainerHooks:
			needsRoot, mounts = false, false
		case *step.NetDevices:
			if needsRoot, mounts = false, false; !network(p) {
				bad("no network namespace")
			}
		case *step.Cwd, *step.Link, *step.Device:
			mounts = false
		case *step.Finish:
			mounts = s.Readonly || s.Propagation != 0
		case *step.Pivot, *step.MoveRoot, *step.LateReadonly, *step.Readonly:
		default:
			bad(fmt.Sprintf("%T has no rule in this test", s))
		}
		if needsRoot && !root {
			bad("no root")
		}
		if mounts && !mountable {
			bad("nobody may mount")
		}
	}
	if late != len(p.Remote.Late) {
		faults = append(faults, fmt.Sprintf("%d descriptors for %d places", late, len(p.Remote.Late)))
	}
	return faults
}

// network tells whether a plan's process gets a network namespace of its own.
func network(p *Plan) bool {
	return p.Orders.Clone&unix.CLONE_NEWNET != 0 || strings.Contains(p.String(), "make network namespace")
}

// stepTypes are the names of all types that package step has a Run(*Env) of.
func stepTypes(t *testing.T) (list []string) {
	t.Helper()
	files, err := os.ReadDir("../step")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../step/"+f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == "Run" {
				if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
					list = append(list, star.X.(*ast.Ident).Name)
				}
			}
		}
	}
	if len(list) < 15 {
		t.Fatalf("package step has only %q", list)
	}
	return list
}
