package plan

import (
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/step"
)

// steps is the visible order of all that makes the root filesystem.
func (p *planner) steps() error {
	build := p.builds()
	p.openSysctls()
	if build {
		p.root()
		if err := p.mounts(); err != nil {
			return err
		}
		p.devices()
	} else {
		p.add(&step.UseRoot{Path: p.opt.Rootfs})
	}
	if p.terminal() {
		size := p.spec.Process.ConsoleSize
		if size == nil {
			size = &specs.Box{}
		}
		p.add(&step.Console{Width: int(size.Width), Height: int(size.Height), Bind: build, Label: p.linux().MountLabel})
	}
	if len(p.linux().NetDevices) > 0 {
		p.add(&step.NetDevices{})
	}
	p.hooks()
	if build {
		p.cwd()
		p.pivot()
	}
	if err := p.sysctls(); err != nil {
		return err
	}
	if build {
		p.protect()
	}
	p.home()
	return nil
}

func (p *planner) add(s step.Step) { p.Orders.Steps = append(p.Orders.Steps, s) }

// source adds a source and returns its number.
func (p *planner) source(s step.Source) int {
	s.Number = p.number
	p.Sources = append(p.Sources, s)
	return len(p.Sources) - 1
}

func (p *planner) terminal() bool { return p.spec.Process != nil && p.spec.Process.Terminal }

// linux is never nil.
func (p *planner) linux() *specs.Linux {
	if p.spec.Linux == nil {
		return &specs.Linux{}
	}
	return p.spec.Linux
}

// propagation is what linux.rootfsPropagation makes of all mounts that the
// namespace begins with. The default lets the host's unmounts in and nothing
// out. Private leaves less behind than shared, but only shared lets mounts out.
func (p *planner) propagation() uint64 {
	switch p.linux().RootfsPropagation {
	case "shared", "rshared":
		return unix.MS_SHARED
	case "private", "rprivate":
		return unix.MS_PRIVATE
	}
	return unix.MS_SLAVE
}

// inherited is the propagation of a clone of something of the host's: private, as with
// runc, so that nothing which is mounted or unmounted on the host later appears or
// vanishes in the container, and nothing of the container's on the host. What a bind
// asks for is based on linux.rootfsPropagation: under a shared root a clone is the host's
// peer, else, at best, its slave. Private speaks of the root mount alone there, rprivate of
// all mounts.
func (p *planner) inherited(asked ...option.Propagation) []option.Propagation {
	if len(asked) == 0 {
		return []option.Propagation{{Type: unix.MS_PRIVATE, Recursive: true}}
	}
	base := uint64(unix.MS_SLAVE)
	switch p.linux().RootfsPropagation {
	case "shared", "rshared":
		return asked
	case "rprivate":
		base = unix.MS_PRIVATE
	}
	return append([]option.Propagation{{Type: base, Recursive: true}}, asked...)
}

func (p *planner) root() {
	s := step.Source{What: p.opt.Rootfs, Path: p.opt.Rootfs, Recursive: true, Propagation: p.inherited()}
	switch p.linux().RootfsPropagation {
	case "slave", "rslave":
		s.Propagation = p.inherited(option.Propagation{Type: unix.MS_SLAVE, Recursive: true})
	}
	enter := &step.EnterRoot{Path: p.opt.Rootfs, Tree: p.source(s), Propagation: p.propagation()}
	if !p.ns.isNew(specs.MountNamespace) {
		enter.Propagation, p.Shared = 0, enter.Tree
	}
	p.add(enter)
}

// builds tells whether mounts are made for the container. Without a mount namespace of
// its own that is only so if there is something to make: it is others' to see, and to undo.
func (p *planner) builds() bool {
	l := p.linux()
	return p.ns.isNew(specs.MountNamespace) || len(p.spec.Mounts)+len(p.opt.Mounts)+len(l.Devices)+len(l.MaskedPaths)+len(l.ReadonlyPaths) > 0 ||
		p.spec.Root.Readonly || l.RootfsPropagation != ""
}

// handsRoot tells whether the first process enters the root filesystem that the steps
// have made by a descriptor of it: pivot_root(2) isn't used, which moves it.
func (p *planner) handsRoot() bool {
	return p.builds() && (p.opt.NoPivot || !p.ns.isNew(specs.MountNamespace))
}

func (p *planner) hooks() {
	h := p.spec.Hooks
	if h == nil {
		return
	}
	if len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0 {
		p.add(&step.HostHooks{}) // there may be none, but the runtime hears that hooks begin
	}
	if len(h.CreateContainer) > 0 {
		p.add(&step.ContainerHooks{Hooks: p.withEnv(h.CreateContainer), State: p.opt.State, Join: p.ns.hooks(p.builds()), Apart: p.seen, Time: p.timeAhead(), Dir: p.opt.Rootfs, Umask: p.host.Umask})
	}
}

// withEnv gives hooks our environment that have none of their own.
func (p *planner) withEnv(hooks []specs.Hook) []specs.Hook {
	list := slices.Clone(hooks)
	for i := range list {
		if list[i].Env == nil {
			list[i].Env = p.opt.HookEnv
		}
	}
	return list
}

func (p *planner) cwd() {
	if p.spec.Process != nil && path.Clean(p.spec.Process.Cwd) != "/" {
		p.add(&step.Cwd{Path: p.spec.Process.Cwd})
	}
}

func (p *planner) pivot() {
	switch {
	case p.handsRoot() && p.ns.isNew(specs.MountNamespace):
		p.add(&step.MoveRoot{Hide: []string{"/proc", "/sys"}})
		fallthrough
	case p.handsRoot():
		p.add(&step.KeepRoot{})
	default:
		p.add(&step.Pivot{})
	}
}

// openSysctls plans where kernel parameters are set, as long as there is a procfs to be trusted.
func (p *planner) openSysctls() {
	if len(p.linux().Sysctl) == 0 {
		return
	}
	s := &step.OpenSysctls{From: step.SysctlsNew, Tree: -1}
	switch joined := p.ns.joined&unix.CLONE_NEWNS != 0; {
	case p.ns.user() && joined:
		s.From, s.Tree = step.SysctlsTree, p.source(step.Source{What: "/proc/sys", Path: "/proc/sys", Recursive: true, Propagation: p.inherited()})
	case p.ns.user() && !p.ns.isNew(specs.MountNamespace):
		s.From = step.SysctlsPlain
	case p.ns.user() || p.host.UserNS && !p.ns.isNew(specs.PIDNamespace):
		// In a user namespace of ours a procfs of a pid namespace from outside can't be made.
		s.From = step.SysctlsClone
	}
	p.add(s)
}

func (p *planner) sysctls() error {
	for _, key := range sorted(p.linux().Sysctl) {
		at, err := spec.SysctlPath(key)
		if err != nil {
			return err
		}
		p.add(&step.Sysctl{Path: at, Value: p.linux().Sysctl[key]})
	}
	return nil
}

// protect comes last: from now on the container's kernel files are read-only.
func (p *planner) protect() {
	l := p.linux()
	if slices.ContainsFunc(p.Orders.Steps, func(s step.Step) bool { m, ok := s.(*step.Mount); return ok && m.Later }) {
		p.add(&step.LateReadonly{})
	}
	readonly := p.spec.Root.Readonly
	for _, s := range unique(l.ReadonlyPaths) {
		if s == "/" {
			readonly = true
			continue
		}
		p.add(&step.Readonly{Path: s})
	}
	for _, s := range unique(l.MaskedPaths) {
		p.add(&step.Mask{Path: s, Null: p.nullSource(), Dir: p.dirSource(), Label: p.linux().MountLabel})
	}
	f := &step.Finish{Readonly: readonly}
	switch l.RootfsPropagation { // of others see inherited
	case "shared", "rshared":
		f.Propagation = unix.MS_SHARED
	case "unbindable", "runbindable":
		f.Propagation = unix.MS_UNBINDABLE
	}
	f.Recursive = f.Propagation != 0 && strings.HasPrefix(l.RootfsPropagation, "r")
	p.add(f)
}

// nullSource is the clone of the host's /dev/null that hides files.
func (p *planner) nullSource() int {
	if p.null < 0 {
		p.null = p.source(step.Source{
			What: "/dev/null", Path: "/dev/null", Device: unix.S_IFCHR, Rdev: unix.Mkdev(1, 3), Mode: 0o666, Propagation: p.inherited(),
			// Its mode and owner are nobody's to change by way of a mask.
			Attr: option.Attr{Set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC},
		})
	}
	return p.null
}

// dirSource is the empty directory that hides directories; -1 where the step
// has to make it.
func (p *planner) dirSource() int {
	if p.ns.user() {
		return -1
	}
	if p.dir < 0 {
		p.dir = p.source(step.Source{What: "mask of directories", Path: "tmpfs", Kind: "tmpfs", Data: p.withContext(step.MaskData), Attr: option.Attr{Set: step.MaskAttr}})
	}
	return p.dir
}

func unique(list []string) []string {
	var out []string
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if s = path.Clean(s); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
