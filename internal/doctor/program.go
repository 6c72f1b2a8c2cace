package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/nsenter"
)

// An attempt at something that a bundle asks the kernel for.
type attempt struct {
	name string // of the check
	mend string
	do   func(*ground) trial
	// dispensable says that an ordinary user's container goes without, where his rights don't suffice.
	dispensable bool
}

// attempted is what came of them.
type attempted struct {
	list []attempt
	came []trial
}

// program notes what the first process is to have of the host besides its ids: what a child of ours can have, it can.
func (w *wants) program(p *specs.Process) {
	in := func(calls func(*nsenter.Tape)) func(*ground) trial {
		return func(*ground) trial { return try(0, calls) }
	}
	if adj := p.OOMScoreAdj; adj != nil {
		w.attempt("process.oomScoreAdj", "process.oomScoreAdj", attempt{
			mend: "start rung with CAP_SYS_RESOURCE, or ask for no less than our own", dispensable: true,
			do: in(func(t *nsenter.Tape) { writing(t, "/proc/self/oom_score_adj", strconv.Itoa(*adj)) }),
		})
	}
	if s := p.Scheduler; s != nil {
		w.scheduler = s
		w.attempt("process.scheduler", plan.SchedulerLabel, attempt{
			mend: "start rung with CAP_SYS_NICE, and where real-time processes may be; or ask for another scheduler",
			do:   in(func(t *nsenter.Tape) { schedule(t, s) }),
		})
	}
	if io := p.IOPriority; io != nil {
		w.attempt("process.ioPriority", plan.IOPriorityLabel, attempt{
			mend: "start rung with CAP_SYS_NICE, or ask for another class",
			do: in(func(t *nsenter.Tape) {
				t.Call("ioprio_set", unix.SYS_IOPRIO_SET, nsenter.Int(plan.IOPriorityProcess), nsenter.Int(0), nsenter.Int(plan.IOPriority(io)))
			}),
		})
	}
}

func schedule(t *nsenter.Tape, s *specs.Scheduler) {
	attr := unsafe.Slice((*byte)(unsafe.Pointer(plan.SchedAttr(s))), unix.SizeofSchedAttr)
	t.Call("sched_setattr", unix.SYS_SCHED_SETATTR, nsenter.Int(0), t.Bytes(attr), nsenter.Int(0))
}

// hugePages notes the sizes that are limited: the kernel has them, or not, wherever the cgroup will be.
func (w *wants) hugePages(list []specs.LinuxHugepageLimit) {
	units := map[string]uint64{"KB": 1, "MB": 1 << 10, "GB": 1 << 20}
	for i, l := range list {
		unit := len(l.Pagesize) - len("KB")
		if unit < 0 {
			continue
		}
		if n, err := strconv.ParseUint(l.Pagesize[:unit], 10, 32); err == nil {
			path := fmt.Sprintf("/sys/kernel/mm/hugepages/hugepages-%dkB", n*units[l.Pagesize[unit:]])
			w.name(named{path: path, field: fmt.Sprintf("linux.resources.hugepageLimits[%d].pageSize", i), look: isThere, fails: "the limit: the kernel has no such pages"})
		}
	}
}

// networkDevices notes those that the container gets.
func (w *wants) networkDevices(list map[string]specs.LinuxNetDevice) {
	for _, name := range slices.Sorted(maps.Keys(list)) {
		w.attempt("network."+name, fmt.Sprintf("linux.netDevices[%q]", name), attempt{
			mend: "make the device in our network namespace, or leave it out", do: func(*ground) trial {
				if there := cmp.Or(list[name].Name, name); there == "lo" {
					return trial{"!the container has a device lo already", unix.EEXIST}
				}
				return findInterface(name)
			},
		})
	}
}

func findInterface(name string) trial {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return trial{"socket", err}
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request)
	}
	if err != nil {
		return trial{"find network device " + name, err}
	}
	return trial{}
}

// layers notes the directories of the host's that an overlay is made of.
func (w *wants) layers(i int, o *option.Options) {
	for _, word := range o.Data {
		key, value, _ := strings.Cut(word, "=")
		switch {
		case strings.Contains(value, `\`): // of a name with a colon
		case key == "lowerdir", key == "upperdir", key == "workdir":
			for dir := range strings.SplitSeq(value, ":") {
				if strings.HasPrefix(dir, "/") {
					w.name(named{path: dir, field: fmt.Sprintf("mounts[%d].options", i), look: isThere, fails: "the mount"})
				}
			}
		}
	}
}

// noProcess is said of a bundle that says nothing of a process: such a container can be created, and exec'd into.
var noProcess = Check{
	Name: "process.program", Status: Degraded, Found: "the configuration has no process", Fails: "run, and start: create and exec work", Mend: "give it a process",
}

// isSocket tells whether somebody listens there, or has.
func isSocket(n *named) error {
	var st unix.Stat_t
	if err := unix.Stat(n.path, &st); err != nil {
		return pathError("stat", n.path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return pathError("connect to", n.path, unix.ENOTSOCK)
	}
	return nil
}

// attempt notes one, of several of a name the first.
func (w *wants) attempt(name, field string, a attempt) {
	if slices.ContainsFunc(w.attempts, func(b attempt) bool { return b.name == name }) {
		name += " (" + field + ")" // two mounts in one place
	}
	a.name = name
	w.attempts = append(w.attempts, a)
	w.field(name, "%s", field)
}

// writing writes a text to a file.
func writing(t *nsenter.Tape, file, text string) {
	fd := t.Slot()
	t.Call("open "+file, unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), t.Str(file), nsenter.Int(unix.O_WRONLY), nsenter.Int(0)).Into(fd)
	t.Call("write "+strconv.Quote(text)+" to "+file, unix.SYS_WRITE, fd.Value(), t.Str(text), nsenter.Int(len(text)))
}

func attemptAll(c *caller, w *wants) attempted {
	g := stand(c, w)
	defer g.leave()
	a := attempted{list: w.attempts}
	for i := range a.list {
		a.came = append(a.came, a.list[i].do(g))
	}
	return a
}

func (a *attempted) judge(c *caller, g *cgroup) (list []Check) {
	for i := range a.list {
		one := &a.list[i]
		check := Check{Name: one.name, Status: OK, Need: Required}
		t := a.came[i]
		if p := g.of("cpu"); one.name == "process.scheduler" && t.err == nil && p != nil {
			t = p.scheduler
		}
		if t.err != nil {
			check.Status, check.Found, check.Fails, check.Mend = Missing, t.String(), "the bundle", one.mend
			if one.dispensable && !c.hostRoot() && t.is(unix.EACCES) {
				check.Status, check.Fails = Degraded, "the program goes without"
			}
		}
		list = append(list, check)
	}
	var order []string
	for i := range list {
		order = append(order, list[i].subject())
	}
	slices.SortStableFunc(list, func(a, b Check) int { return slices.Index(order, a.subject()) - slices.Index(order, b.subject()) })
	return list
}

// subject is what comes before the dot.
func (c *Check) subject() string {
	subject, _, _ := strings.Cut(c.Name, ".")
	return subject
}

// offsetsText is what timens_offsets gets.
func offsetsText(list map[string]specs.LinuxTimeOffset) string {
	if len(list) == 0 {
		return "monotonic 1 0\n"
	}
	var b strings.Builder
	for _, clock := range slices.Sorted(maps.Keys(list)) {
		fmt.Fprintf(&b, "%s %d %d\n", clock, list[clock].Secs, list[clock].Nanosecs)
	}
	return b.String()
}
