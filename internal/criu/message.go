package criu

import "encoding/binary"

// A Type is a kind of request, and of the response to it.
type Type int

// The types, by their numbers in rpc.proto.
const (
	Dump          Type = 1
	Restore       Type = 2
	Check         Type = 3
	Notification  Type = 6
	FeatureCheck  Type = 9
	Version       Type = 10
	SinglePreDump Type = 13
)

// String is the name in rpc.proto.
func (t Type) String() string {
	switch t {
	case Dump:
		return "DUMP"
	case Restore:
		return "RESTORE"
	case Check:
		return "CHECK"
	case Notification:
		return "NOTIFY"
	case FeatureCheck:
		return "FEATURE_CHECK"
	case Version:
		return "VERSION"
	case SinglePreDump:
		return "PRE_DUMP"
	}
	return "UNKNOWN"
}

// A CgroupMode is what CRIU does to cgroups.
type CgroupMode int

// The modes, by their numbers in rpc.proto.
const (
	CgroupIgnore  CgroupMode = 0
	CgroupSoft    CgroupMode = 3
	CgroupFull    CgroupMode = 4
	CgroupStrict  CgroupMode = 5
	CgroupDefault CgroupMode = 6
)

// A Pair is a name in images and what it stands for: of a mount the path of what is to be mounted, of a cgroup root the controllers and the path.
type Pair struct{ Key, Value string }

// An InheritFD is one of [Start.Inherit] that stands for something in the images.
type InheritFD struct {
	Key   string
	Index int
}

// Options are those of a dump or a restore. What is zero is left to CRIU, as is a descriptor that is -1.
type Options struct {
	Images, Work int // descriptors of ours, of directories
	LogFile      string
	PID          int
	Root         string
	Parent       string // of the images, a path from their directory
	TrackMemory  bool
	ConfigFile   string

	LeaveRunning, ExternalSockets, Established, Shell, FileLocks, AutoDedup, LinkRemap   bool
	SkipInFlight, LazyPages, OrphanTerminal, CloseTCP, Sibling, EvasiveDevices, EmptyNet bool

	ServerAddress string // of a page server
	ServerPort    int
	Mounts        []Pair
	External      []string
	Inherit       []InheritFD
	Join          []Pair // namespaces by their types
	Cgroups       CgroupMode
	CgroupRoots   []Pair
	CgroupYard    string // a directory that has cgroup v2 as unified: else CRIU mounts it anew, which takes the host's mount options away
	FreezeCgroup  string
	Timeout       int // seconds
	StatusFD      int // a descriptor of ours
	Profile       string
	MountContext  string
}

// Features are what may be asked for, or what there is.
type Features struct{ MemoryTracking, LazyPages bool }

// A Request is what is asked of CRIU.
type Request struct {
	Type     Type
	Options  *Options
	Agreed   bool // of a notification
	KeepOpen bool // another request follows
	Features *Features
}

// An encoder encodes fields of proto2 messages.
type encoder []byte

func (e *encoder) varint(v uint64) { *e = binary.AppendUvarint(*e, v) }

func (e *encoder) number(field, v int) {
	e.varint(uint64(field) << 3)
	e.varint(uint64(v))
}

func (e *encoder) positive(field, v int) {
	if v > 0 {
		e.number(field, v)
	}
}

// descriptor is a number unless it is -1.
func (e *encoder) descriptor(field, fd int) {
	if fd >= 0 {
		e.number(field, fd)
	}
}

func (e *encoder) yes(field int, v bool) {
	if v {
		e.number(field, 1)
	}
}

func (e *encoder) bytes(field int, b string) {
	e.varint(uint64(field)<<3 | 2)
	e.varint(uint64(len(b)))
	*e = append(*e, b...)
}

func (e *encoder) text(field int, s string) {
	if s != "" {
		e.bytes(field, s)
	}
}

func (e *encoder) message(field int, fill func(*encoder)) {
	var m encoder
	fill(&m)
	e.bytes(field, string(m))
}

// Encode encodes a criu_req.
func (r *Request) Encode() []byte {
	var e encoder
	e.number(1, int(r.Type))
	if r.Options != nil {
		e.message(2, r.Options.encode)
	}
	if r.Type == Notification {
		e.number(3, map[bool]int{true: 1}[r.Agreed])
	}
	e.yes(4, r.KeepOpen)
	if r.Features != nil {
		e.message(5, func(e *encoder) {
			e.yes(1, r.Features.MemoryTracking)
			e.yes(2, r.Features.LazyPages)
		})
	}
	return e
}

// logLevel is that of a debugging log: when something has failed it is too late to ask for one.
const logLevel = 4

// cloneNewnet is CLONE_NEWNET.
const cloneNewnet = 0x40000000

// encode encodes a criu_opts, by the numbers of its fields.
func (o *Options) encode(e *encoder) {
	e.number(1, o.Images)
	e.positive(2, o.PID)
	e.yes(3, o.LeaveRunning)
	e.yes(4, o.ExternalSockets)
	e.yes(5, o.Established)
	e.yes(6, o.EvasiveDevices)
	e.yes(7, o.Shell)
	e.yes(8, o.FileLocks)
	e.number(9, logLevel)
	e.text(10, o.LogFile)
	if o.ServerPort > 0 {
		e.message(11, func(e *encoder) {
			e.text(1, o.ServerAddress)
			e.number(2, o.ServerPort)
		})
	}
	e.yes(12, true) // notifications
	e.text(13, o.Root)
	e.text(14, o.Parent)
	e.yes(15, o.TrackMemory)
	e.yes(16, o.AutoDedup)
	e.descriptor(17, o.Work)
	e.yes(18, o.LinkRemap)
	o.pairs(e, 23, o.Mounts)
	o.pairs(e, 25, o.CgroupRoots)
	e.yes(26, o.Sibling)
	for _, i := range o.Inherit {
		e.message(27, func(e *encoder) {
			e.text(1, i.Key)
			e.number(2, inheritAt+i.Index)
		})
	}
	e.number(34, int(o.Cgroups))
	for _, x := range o.External {
		e.text(37, x)
	}
	if o.EmptyNet {
		e.number(38, cloneNewnet)
	}
	o.pairs(e, 39, o.Join)
	e.text(44, o.FreezeCgroup)
	e.positive(45, o.Timeout)
	e.yes(46, o.SkipInFlight)
	e.yes(48, o.LazyPages)
	e.descriptor(49, o.StatusFD)
	e.yes(50, o.OrphanTerminal)
	e.text(51, o.ConfigFile)
	e.yes(52, o.CloseTCP)
	e.text(53, o.Profile)
	e.text(60, o.CgroupYard)
	e.text(63, o.MountContext)
}

func (o *Options) pairs(e *encoder, field int, list []Pair) {
	for _, p := range list {
		e.message(field, func(e *encoder) {
			e.bytes(1, p.Key)
			e.bytes(2, p.Value)
		})
	}
}
