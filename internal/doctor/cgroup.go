package doctor

import (
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/cgroups/device"
	v2 "github.com/rung-oci/rung/cgroups/v2"
	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/nsenter"
)

// cgroup is what is known of cgroups.
type cgroup struct {
	layout *cgroups.Layout
	err    error // of the layout
	placed error // of the place that a bundle names
	places []place
	needs  []choose.Need // of the bundle
	known  map[string]controller
	values error // of the first limit of the bundle that the kernel doesn't take
}

// controller is what the kernel says of one, by its name on v1.
type controller struct{ v1, enabled bool }

// place is where a container's cgroup of one hierarchy would be made.
type place struct {
	keys    []string // as in [cgroups.Location]
	dir     string   // the nearest directory that is there
	err     error    // of making a cgroup in it
	unified *unified // nil on v1, and where none could be made
	devices error    // of having no device allowed, on v1
	// Scheduler is the bundle's of a process in it: on v1 the time for real-time processes is a cgroup's.
	scheduler trial
}

// unified is what is known of a v2 cgroup that was made.
type unified struct {
	top          []string // controllers of what is mounted
	levels       []level  // from there down to the place
	kind         string   // cgroup.type
	freeze, kill bool     // the files are there
	born         trial    // of a child that is born in it
	devices      error    // of attaching a device program
}

// level is a cgroup that has to hand controllers down.
type level struct {
	dir      string
	hands    []string // controllers, to its children
	busy     bool     // it has processes of its own, and isn't the root
	writable bool
}

// lookAtCgroup makes a cgroup in every place, looks at it, and removes it.
func lookAtCgroup(w *wants) (c cgroup) {
	c.layout, c.err = cgroups.Detect()
	if c.err != nil {
		c.layout = new(cgroups.Layout)
		return c
	}
	if text, err := cgfile.Text("/proc/cgroups"); err == nil {
		c.known = known(text)
	}
	c.needs = choose.Needs(c.layout, w.resources)
	name := "rung-doctor-" + strconv.Itoa(os.Getpid())
	loc, err := locate(c.layout, w, name)
	if err != nil {
		c.placed = err
		return c
	}
	for i := range c.layout.Hierarchies {
		h := &c.layout.Hierarchies[i]
		p, err := lookAtPlace(h, loc, name, w)
		c.places = append(c.places, p)
		if c.placed == nil {
			c.placed = taken(h, loc, w)
		}
		if c.values == nil {
			c.values = err
		}
	}
	return c
}

// known reads /proc/cgroups: name, hierarchy (0: that of v2), number of cgroups, enabled.
func known(text string) map[string]controller {
	set := map[string]controller{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 4 && f[0] != "#subsys_name" {
			set[f[0]] = controller{v1: f[1] != "0", enabled: f[3] == "1"}
		}
	}
	return set
}

// locate is where the container's cgroups would be.
func locate(l *cgroups.Layout, w *wants, name string) (cgroups.Location, error) {
	if w.systemd {
		user := os.Geteuid() != 0 || idmap.InNamespace()
		if loc, err := choose.LocateUnit(l, w.cgroupsPath, name, user); err == nil {
			return loc, nil
		}
		return l.Locate("", name) // systemd.bus says what is wrong
	}
	return l.Locate(w.cgroupsPath, name)
}

func lookAtPlace(h *cgroups.Hierarchy, loc cgroups.Location, name string, w *wants) (p place, values error) {
	dir := path.Dir(loc[h.Keys()[0]])
	for dir != h.Mountpoint && unix.Access(dir, unix.F_OK) == unix.ENOENT {
		dir = path.Dir(dir)
	}
	p = place{keys: h.Keys(), dir: dir}
	mine := path.Join(dir, name)
	var st unix.Stat_t
	if at := loc[h.Keys()[0]]; !w.systemd && unix.Stat(at, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		p.err = &os.PathError{Op: "make cgroup", Path: at, Err: unix.ENOTDIR}
		return p, nil
	}
	if err := unix.Mkdir(mine, 0o755); err != nil {
		p.err = &os.PathError{Op: "make a cgroup in", Path: dir, Err: err}
		return p, nil
	}
	defer func() { _ = cgfile.Remove(mine, time.Now().Add(time.Second)) }()
	if slices.Contains(p.keys, "devices") {
		p.devices = cgfile.In(mine, func(d cgfile.Dir) error { return d.Write("devices.deny", "a") })
	}
	if h.Unified {
		p.unified = lookAtUnified(h.Mountpoint, dir, mine)
	}
	if w.systemd || w.noCgroup {
		return p, nil
	}
	values = p.tryValues(loc, mine, w.resources)
	if w.scheduler != nil && slices.Contains(p.keys, "cpu") {
		p.scheduler = try(0, func(t *nsenter.Tape) {
			writing(t, mine+"/cgroup.procs", "0")
			schedule(t, w.scheduler)
		})
	}
	return p, values
}

// taken tells why no container can be made in the cgroup that the bundle names, where that is there already.
func taken(h *cgroups.Hierarchy, loc cgroups.Location, w *wants) error {
	at := loc[h.Keys()[0]]
	switch there := unix.Access(at, unix.F_OK) == nil; {
	case !there || w.systemd || w.noCgroup || w.cgroupsPath == "":
		return nil
	case h.Unified:
		return v2.Takes(at)
	}
	return cgfile.In(at, func(d cgfile.Dir) error { return cgroups.CheckEmpty(d, 0) })
}

// tryValues writes the limits of a bundle to a cgroup that is there for that. What it has no controller for is another check's.
func (p *place) tryValues(loc cgroups.Location, mine string, r *specs.LinuxResources) error {
	own := maps.Clone(loc)
	for _, key := range p.keys {
		own[key] = mine
	}
	var writes []cgfile.Write
	for _, l := range choose.Limits(own, r) {
		if l.Dir == mine && p.has(l.Controller, mine) {
			writes = append(writes, l.Write)
		}
	}
	var refused error // no such device isn't no such cgroup
	err := cgfile.In(mine, func(d cgfile.Dir) error { refused = d.Apply(writes); return nil })
	if err == nil {
		err = refused
	}
	return err
}

// has tells whether a cgroup that was made has a controller already, and one that was set up: the processors of v1 come down by our hand.
func (p *place) has(controller, mine string) bool {
	switch {
	case p.unified != nil:
		return slices.Contains(words(mine+"/cgroup.controllers"), controller)
	case controller == "cpuset":
		return len(words(p.dir+"/cpuset.cpus")) > 0 && len(words(p.dir+"/cpuset.mems")) > 0
	}
	return true
}

func lookAtUnified(mount, dir, mine string) *unified {
	u := &unified{top: words(mount + "/cgroup.controllers"), levels: levels(mount, dir)}
	u.kind = strings.Join(words(mine+"/cgroup.type"), " ")
	u.freeze = unix.Access(mine+"/cgroup.freeze", unix.W_OK) == nil
	u.kill = unix.Access(mine+"/cgroup.kill", unix.W_OK) == nil
	fd, err := unix.Open(mine, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		u.born, u.devices = trial{"open", err}, err
		return u
	}
	u.born = tryAs(&nsenter.CloneArgs{Flags: unix.CLONE_INTO_CGROUP, Cgroup: uint64(fd)}, nil)
	unix.Close(fd)
	u.devices = attach(mine)
	return u
}

// attach attaches a device program to a cgroup, with which it ends.
func attach(dir string) error {
	rules, err := device.Rules(nil)
	if err != nil {
		return err
	}
	return cgfile.In(dir, func(d cgfile.Dir) error { return device.Attach(d.FD(), device.Compile(rules)) })
}

func levels(mount, dir string) (list []level) {
	below := strings.TrimPrefix(strings.TrimPrefix(dir, mount), "/")
	for at, names := mount, strings.Split(below, "/"); ; names = names[1:] {
		list = append(list, level{
			dir: at, hands: words(at + "/cgroup.subtree_control"),
			// The root of all has no type, and may have processes.
			busy:     len(words(at+"/cgroup.procs")) > 0 && unix.Access(at+"/cgroup.type", unix.F_OK) == nil,
			writable: unix.Access(at+"/cgroup.subtree_control", unix.W_OK) == nil,
		})
		if len(names) == 0 || names[0] == "" {
			return list
		}
		at = path.Join(at, names[0])
	}
}

// words are those of a file, none if it can't be read.
func words(file string) []string {
	text, err := cgfile.Text(file)
	if err != nil {
		return nil
	}
	return strings.Fields(text)
}

// handed tells why a controller doesn't come down to the place; "" if it does, or can be made to.
func (u *unified) handed(controller string) string {
	if !slices.Contains(u.top, controller) {
		return "the unified hierarchy doesn't have it"
	}
	for _, l := range u.levels {
		switch {
		case slices.Contains(l.hands, controller):
		case l.busy:
			return l.dir + " doesn't hand it down, and can't while it has processes of its own"
		case !l.writable:
			return l.dir + " doesn't hand it down, and isn't ours"
		}
	}
	return ""
}

// of finds the place for a key of a location.
func (c *cgroup) of(key string) *place {
	for i := range c.places {
		if slices.Contains(c.places[i].keys, key) {
			return &c.places[i]
		}
	}
	return nil
}

// where tells where a controller is, or why it can't be had. Its name is that on v2.
func (c *cgroup) where(controller string, unifiedOnly bool) (found, trouble string) {
	if p := c.of(cgroups.V1Name(controller)); p != nil && !unifiedOnly {
		if p.err != nil {
			return "", p.err.Error()
		}
		return "v1, " + p.dir, ""
	}
	p := c.of("")
	switch {
	case p == nil:
		return "", "no hierarchy has it"
	case p.err != nil:
		return "", p.err.Error()
	}
	if trouble := p.unified.handed(controller); trouble != "" {
		return "", trouble
	}
	return "v2, " + p.dir, ""
}
