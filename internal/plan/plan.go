// Package plan decides everything that will happen to a container, as a value.
//
// [Create] turns a configuration and facts about the host into orders: what to clone, which steps to take, and the tape of system calls
// that the first process plays. It makes no system call, so a plan can be
// printed and compared without root. Descriptors don't exist yet when a plan is
// made; package launch fills them in.
package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/timeline"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/seccomp"
)

// Host is what a plan depends on besides the configuration.
type Host struct {
	Layout    *cgroups.Layout
	Location  cgroups.Location
	Permitted caps.Set  // our own capabilities
	Null      [3]bool   // which of stdin, stdout and stderr is a character device: not ours to give away
	Nofile    [2]uint64 // RLIMIT_NOFILE that our caller gave us, soft and hard
	FileSize  [2]uint64 // RLIMIT_FSIZE that our caller gave us, if we have another; else zeros
	Joined    []Joined  // namespaces of the configuration that exist already
	HasKcore  bool      // /proc/kcore exists
	Umask     int       // our caller's, where a hook is to have it
	Groups    int       // resctrl directories that the process is to be in
	AppArmor  string    // the file below /proc/self that takes an AppArmor profile
	// Admit says that systemd has to let who clones into the container's cgroup.
	Admit bool

	// Linked are sources of binds that lead into the root by links of the host's, with their
	// paths there.
	Linked map[string]string
	// Disks are the file systems of mounts that are made of a block device.
	Disks map[Disk]bool

	// Timed has the tape note when its phases begin.
	Timed bool

	// What a caller without privileges lacks.
	UID, GID    int  // ours, effective
	UserNS      bool // we are in a user namespace: no device can be made
	NoMounts    bool // we may not make mounts in our own mount namespace
	NoInspector bool // we may not look into a process that isn't dumpable
	// Lacks are the paths of default devices that the host hasn't, of who can't make any.
	Lacks []string
}

// A Disk is a file system on a block device of the host's.
type Disk struct{ Kind, Source string }

// Joined is a namespace given by path.
type Joined struct {
	Flag int // CLONE_NEW*
	// Inner says that the user namespace which the container joins owns it: it
	// can be entered only from there.
	Inner bool
}

// Options are what the command line adds to the configuration.
type Options struct {
	ID           string
	Bundle       string // absolute; relative sources of bind mounts begin here
	Rootfs       string // absolute, without links
	Staging      string // a directory of the host's, for mounts that need mount(2)
	NoPivot      bool
	NoNewKeyring bool
	Preserve     int      // descriptors from 3 on, those of LISTEN_FDS included
	Env          []string // added to the process's environment
	Mounts       []specs.Mount
	State        hook.State // for createContainer hooks
	HookEnv      []string   // of those that have none of their own
	// Unlisted says that nobody has written the configuration: errors name no place in it.
	Unlisted bool
	// Outlives says that the process lives on when the runtime has ended before the
	// process comes to its program.
	Outlives bool
}

// Plan is everything that create does after its checks.
type Plan struct {
	Orders  Orders
	Sources []step.Source // mounts that the runtime makes and sends
	Mapped  []step.Source // mounts of who builds whose ids the runtime maps, in the order in which it is asked for that
	Tape    *nsenter.Tape
	Slots   Slots

	// What the runtime sets on the first process, because its own rights in a user
	// namespace may not suffice.
	Rlimits     []specs.POSIXRlimit
	OOMScoreAdj *int
	Scheduler   *specs.Scheduler
	IOPriority  *specs.LinuxIOPriority
	// Filter says what there is to be said of the seccomp filter.
	Filter FilterSummary
	// Stamps are where the tape notes the time, in order.
	Stamps []Stamp
	// Remote is where in the tape the calls of the steps are made.
	Remote Remote
	// Procfs, unless it is nil, is the plan of a process that makes the file systems of Remote.Contexts.
	Procfs *Plan
	// PIDs says which of Host.Joined is the pid namespace, where the builder isn't in it; else -1.
	PIDs int
	// SendListener says that the first process sends the seccomp agent's descriptor.
	SendListener bool
	// Shared is the source that is attached in a mount namespace which isn't the
	// container's alone: everything else is mounted on it, and it has to be unmounted again. -1: none.
	Shared int
}

// Slots are the places of descriptors in the tape.
type Slots struct {
	Gate, Status, Control nsenter.Slot
	Tasks                 []nsenter.Slot // one for each cgroup v1 hierarchy
	Joined                []nsenter.Slot // as in Host.Joined
	Proc                  nsenter.Slot   // our procfs, for time offsets and labels; 0: not needed
	Keep                  []nsenter.Slot // what an exec doesn't close at its beginning
	Admit                 nsenter.Slot   // a pipe that brings a byte when systemd has let the player in; 0: it needn't
	Listener              nsenter.Slot   // takes the seccomp agent's descriptor; 0: there is none
}

// FilterSummary is what there is to be said of a seccomp filter.
type FilterSummary struct {
	Instructions int    // 0: there is none
	Flags        uint32 // of seccomp(2)
	Notify       bool   // an agent answers calls
	Code         []byte // the program, as the kernel takes it
}

// planner collects a plan.
type planner struct {
	*Plan
	spec *specs.Spec
	host *Host
	opt  *Options
	ns   namespaces
	t    *nsenter.Tape
	null int // the source that is the host's /dev/null, -1: none yet
	dir  int // the source that hides directories, -1: none yet

	number step.Number // of the mount that is being planned
	alone  bool        // mounts are in no list, see field

	seen  bool // others see the first process, see [namespaces.seen]
	procs []procfs

	program  nsenter.Slot // takes the path of the user's program
	homeText nsenter.Slot
	homeStep *step.Home
	filter   *seccomp.Filter // nil: none
}

// Create plans the creation of a container. The configuration must be valid.
func Create(s *specs.Spec, host *Host, opt *Options) (*Plan, error) {
	own := *opt // the planner adds to it
	own.Env = slices.Clip(own.Env)
	p := &planner{Plan: &Plan{Tape: nsenter.NewTape(), Shared: -1, PIDs: -1}, spec: s, host: host, opt: &own, null: -1, dir: -1, alone: opt.Unlisted}
	p.t = p.Tape
	p.t.Reserve(256, 8<<10)
	p.ns = sortNamespaces(s, host)
	p.seen = p.ns.seen()
	if p.seen {
		p.PIDs = slices.IndexFunc(host.Joined, func(j Joined) bool { return j.Flag == unix.CLONE_NEWPID })
	}
	p.Orders.Clone, p.Orders.Preserve = p.ns.clone, opt.Preserve
	if err := p.rootless(); err != nil {
		return nil, err
	}
	if err := p.seccomp(); err != nil {
		return nil, err
	}
	if f := p.filter; f != nil {
		p.Filter = FilterSummary{len(f.Program), f.Flags, f.Notify, f.Bytes()}
	}
	if err := p.steps(); err != nil {
		return nil, err
	}
	p.placeSources()
	p.tape()
	p.Procfs = p.planProcfs()
	return p.Plan, nil
}

// placeSources says who makes the sources.
func (p *planner) placeSources() {
	o := &p.Orders
	switch {
	case p.host.NoMounts:
		o.Make, p.Sources = p.Sources, nil
	case p.ns.user() && p.ns.isNew(specs.MountNamespace):
		// The kernel has locked the flags of these mounts, and has tied those below others to
		// them: root of the user namespace can't undo what the host wanted.
		o.Within, p.Sources = p.Sources, nil
		var mapped []step.Source
		for i := range o.Within {
			if o.Within[i].IDMap.Field != "" {
				mapped = append(mapped, o.Within[i])
			}
		}
		p.Mapped = append(mapped, p.Mapped...)
	}
}

// A Stamp is where a tape notes the time that a phase begins.
type Stamp struct {
	Phase string
	At    nsenter.Slot
}

// phase notes the time, if that is wanted.
func (p *planner) phase(name string) {
	if p.host.Timed {
		p.Stamps = append(p.Stamps, Stamp{name, p.t.Stamp(timeline.Clock)})
	}
}

// String prints the plan for people and for golden tests.
func (p *Plan) String() string {
	var b strings.Builder
	o := &p.Orders
	fmt.Fprintf(&b, "new namespaces %#x\n", o.Clone)
	if o.UIDMap != "" {
		fmt.Fprintf(&b, "map uids %q gids %q\n", o.UIDMap, o.GIDMap)
	}
	b.WriteString(rootlessText(o))
	sources := p.AllSources()
	for i := range sources {
		s := &sources[i]
		fmt.Fprintf(&b, "source %d: %s from %s %s%q recursive %v set %#x clear %#x rset %#x rclear %#x propagation %v\n",
			i, s.What, s.Path, s.Kind, s.Data, s.Recursive, s.Attr.Set, s.Attr.Clear, s.RecAttr.Set, s.RecAttr.Clear, s.Propagation)
		if m := s.IDMap; m.Field != "" {
			fmt.Fprintf(&b, "  ids mapped for %s: uids %q gids %q recursive %v\n", m.Field, m.UID, m.GID, m.Recursive)
		}
	}
	for i, s := range o.Steps {
		fmt.Fprintf(&b, "step %d: %s", i, s)
		if m, ok := s.(*step.Mount); ok {
			fmt.Fprintf(&b, " from %d/%d attr %#x data %v later %v", m.From, m.Index, m.Attr, m.Options.Data, m.Later)
			if m.From == step.FromRoot {
				fmt.Fprintf(&b, " clone of %s recursive %v", m.Tree.Path, m.Tree.Recursive)
			}
		}
		b.WriteByte('\n')
	}
	p.printTape(&b, "tape")
	if p.Procfs != nil {
		p.Procfs.printTape(&b, "tape of procfs")
	}
	for _, r := range p.Rlimits {
		fmt.Fprintf(&b, "parent: %s %d %d\n", r.Type, r.Soft, r.Hard)
	}
	return b.String()
}

// AllSources are the sources by their numbers, whoever makes them.
func (p *Plan) AllSources() []step.Source {
	return slices.Concat(p.Sources, p.Orders.Within, p.Orders.Make)
}

func (p *Plan) printTape(b *strings.Builder, tape string) {
	for _, c := range p.Calls() {
		name := c.Name
		if c.Optional {
			name += ", or not"
		}
		fmt.Fprintf(b, "%s %d: %s: %s\n", tape, c.Index, name, c.Label)
	}
}

// A Call is an entry of a tape, for people.
type Call struct {
	Index    int
	Name     string // of the system call, or what the tape does itself
	Label    string // what for
	Optional bool   // an entry before it may pass over it
}

// Calls are the entries of the tape that have a label. What the steps queue isn't known beforehand.
func (p *Plan) Calls() (list []Call) {
	for i, l := range p.Tape.Lines() {
		if l.Label == "" {
			continue
		}
		name := l.Own
		if name == "" {
			name = seccomp.Name(l.Call)
		}
		list = append(list, Call{i, name, l.Label, l.Optional})
	}
	return list
}
