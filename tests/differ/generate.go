package differ

import (
	"math/rand/v2"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Generate makes a case: of the same seed, index and facts always the same one.
// Everything is decided here; nothing of the host is looked at.
func Generate(seed, index uint64, facts *Facts) *Case {
	d := &dice{Rand: rand.New(rand.NewPCG(seed, index)), facts: facts}
	for {
		d.c = &Case{Spec: &specs.Spec{
			Version: "1.2.0",
			Root:    &specs.Root{Path: "rootfs"},
			Process: &specs.Process{Cwd: "/", Args: []string{"/bin/inside"}, Env: []string{"PATH=/bin:/usr/bin"}},
			Linux:   &specs.Linux{},
		}}
		d.namespaces()
		d.root()
		d.mounts()
		d.process()
		d.linux()
		d.life()
		d.reported()
		d.questions()
		if danger(d.c) == "" {
			return d.c
		}
	}
}

// add asks the program inside for something more.
func (d *dice) ask(ops ...string) { d.c.Spec.Process.Args = append(d.c.Spec.Process.Args, ops...) }

// namespaces chooses for each type: new, inherited or joined.
func (d *dice) namespaces() {
	l := d.c.Spec.Linux
	user := d.userNamespace()
	add := func(kind specs.LinuxNamespaceType, makes, joins int) {
		switch n := d.IntN(100); {
		case n < makes:
			l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: kind})
		case n < makes+joins:
			d.join(kind)
		}
	}
	l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: specs.MountNamespace})
	if user == "new" && d.p(80) { // else little works
		for _, kind := range []specs.LinuxNamespaceType{specs.PIDNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace} {
			add(kind, 97, 1)
		}
	} else if user == "joined" && d.p(80) {
		for _, kind := range []specs.LinuxNamespaceType{specs.PIDNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace} {
			add(kind, 50, 49)
		}
	} else {
		add(specs.PIDNamespace, 75, 10)
		add(specs.IPCNamespace, 70, 12)
		add(specs.UTSNamespace, 70, 12)
		add(specs.NetworkNamespace, 55, 15)
	}
	add(specs.CgroupNamespace, 45, 10)
	add(specs.TimeNamespace, 12, 6)
	d.Shuffle(len(l.Namespaces), func(i, j int) { l.Namespaces[i], l.Namespaces[j] = l.Namespaces[j], l.Namespaces[i] })
	if made, _ := d.c.has(specs.TimeNamespace); made && d.p(70) {
		l.TimeOffsets = map[string]specs.LinuxTimeOffset{}
		for _, clock := range some(d, 60, "monotonic", "boottime") {
			l.TimeOffsets[clock] = specs.LinuxTimeOffset{Secs: int64(d.IntN(100000)), Nanosecs: pick(d, uint32(0), 5, 999999999)}
		}
	}
}

// join adds a namespace of the holder's.
func (d *dice) join(kind specs.LinuxNamespaceType) {
	file := string(kind)
	switch kind {
	case specs.NetworkNamespace:
		file = "net"
	case specs.MountNamespace:
		file = "mnt"
	}
	if d.c.Holder == nil {
		d.c.Holder = new(Holder)
	}
	d.c.Holder.Namespaces = append(d.c.Holder.Namespaces, string(kind))
	d.c.Spec.Linux.Namespaces = append(d.c.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: atHolder + "/ns/" + file})
}

// userNamespace decides about user namespaces and their maps.
func (d *dice) userNamespace() string {
	l := d.c.Spec.Linux
	switch n := d.IntN(100); {
	case n < 14:
		l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		l.UIDMappings = d.idMap()
		l.GIDMappings = l.UIDMappings
		if d.p(15) {
			l.GIDMappings = d.idMap()
		}
		d.c.Owner = hostID(l.UIDMappings, 0)
		return "new"
	case n < 18:
		d.join(specs.UserNamespace)
		d.c.Holder.Root = pick(d, 100000, 0)
		d.c.Owner = d.c.Holder.Root
		return "joined"
	}
	return ""
}

// idMap is a map of ids. All of them have a root, without which nothing works.
func (d *dice) idMap() []specs.LinuxIDMapping {
	m := func(c, h, n uint32) specs.LinuxIDMapping {
		return specs.LinuxIDMapping{ContainerID: c, HostID: h, Size: n}
	}
	return pick(d,
		[]specs.LinuxIDMapping{m(0, 100000, 65536)},
		[]specs.LinuxIDMapping{m(0, 100000, 65536)},
		[]specs.LinuxIDMapping{m(0, 0, 4294967295)},                                       // identity
		[]specs.LinuxIDMapping{m(0, 100000, 1000), m(1000, 0, 1), m(1001, 101001, 60000)}, // the host's root in the middle
		[]specs.LinuxIDMapping{m(0, 1000, 1), m(1, 100000, 65535)},                        // as rootless engines
		[]specs.LinuxIDMapping{m(1000, 1000, 1), m(0, 200000, 1000), m(5, 300000, 1)}[:2],
		[]specs.LinuxIDMapping{m(0, 100000, 10), m(10, 200000, 10), m(20, 300000, 10), m(30, 400000, 10), m(40, 500000, 10), m(50, 600000, 70000)},
	)
}

// hostID is what an id is on the host, -1 without one.
func hostID(maps []specs.LinuxIDMapping, id uint32) int {
	if len(maps) == 0 {
		return int(id)
	}
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return int(m.HostID + id - m.ContainerID)
		}
	}
	return -1
}

// root decides about the root filesystem, hostname and domainname.
func (d *dice) root() {
	s := d.c.Spec
	s.Root.Readonly = d.p(25)
	if d.p(10) {
		s.Root.Path = atBundle + "/rootfs"
	}
	if made, _ := d.c.has(specs.UTSNamespace); made {
		if d.p(70) {
			s.Hostname = pick(d, "box", "a.long-name.example", "x")
		}
		if d.p(20) {
			s.Domainname = pick(d, "example.org", "d")
		}
	}
	if d.p(15) {
		s.Linux.RootfsPropagation = pick(d, "private", "slave", "shared", "unbindable", "rprivate", "rslave", "rshared", "runbindable")
	}
	if d.p(20) {
		s.Annotations = map[string]string{"org.example.a": "1", "b": "two words"}
	}
	s.Version = pick(d, "1.0.2", "1.2.0", "1.3.0", "1.0.0")
}
