// Package blockers says what of a container's processes CRIU couldn't dump, from what was found of them: `rung checkpoint --check`.
package blockers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The names of blockers.
const (
	CRIU      = "criu"      // it isn't there, is too old or doesn't take the kernel
	Seccomp   = "seccomp"   // a listener of seccomp notifications
	Uring     = "io_uring"  // a ring
	Secret    = "secret"    // memory of memfd_secret(2)
	Terminal  = "terminal"  // one from outside
	Socket    = "socket"    // of a kind that CRIU doesn't know
	Unix      = "unix"      // a unix socket with its other end outside
	TCP       = "tcp"       // an established connection
	File      = "file"      // a file on a mount that isn't the container's
	Deleted   = "deleted"   // a large file without a name, or one that was opened by a name that is gone
	Device    = "device"    // a device that CRIU doesn't know
	Lock      = "lock"      // a file lock
	Traced    = "traced"    // a process with a debugger
	Namespace = "namespace" // one inside the container's
	Mount     = "mount"     // a mount of a kind that CRIU doesn't know
	Other     = "other"     // any other kind of descriptor that CRIU doesn't know
)

// A Blocker is something that would stop a dump.
type Blocker struct {
	Name string
	PID  int    // of the process, in the caller's pid namespace; 0: it is no process's
	FD   int    // its descriptor; -1: it is none
	What string // the thing itself
	Mend string // what can be done; "": nothing but its end
}

// String is for people.
func (b *Blocker) String() string {
	var s strings.Builder
	s.WriteString(b.Name)
	if b.PID > 0 {
		fmt.Fprintf(&s, ": process %d", b.PID)
	}
	if b.FD >= 0 {
		fmt.Fprintf(&s, ", descriptor %d", b.FD)
	}
	s.WriteString(": " + b.What)
	if b.Mend != "" {
		s.WriteString(" (" + b.Mend + ")")
	}
	return s.String()
}

// Options are what a checkpoint would take along.
type Options struct {
	Established, Sockets, Shell, FileLocks, LinkRemap, FullNetwork bool

	BPF bool // CRIU knows BPF maps
}

// An FD is a descriptor of a process.
type FD struct {
	Number int
	Link   string // where /proc/PID/fd/N leads to
	Mode   uint32
	Rdev   uint64
	Size   int64
	Links  uint64 // names of the file
	Inode  uint64
	Within bool // its mount is the container's
	Known  bool // a restore has something in its place
	Domain int  // of a socket: AF_*; -1: it isn't known
	Proto  int  // IPPROTO_*
	Huge   bool // it is on huge pages of which none is free: CRIU finds out by one what they are
}

// A Process is one of the container's.
type Process struct {
	PID    int
	Tracer int // who traces it; 0: nobody
	FDs    []FD
	Secret bool            // it has memory of memfd_secret(2) mapped
	Others map[string]bool // types of namespaces in which it isn't where the init is
}

// Facts are what was found.
type Facts struct {
	Processes   []Process
	Peers       map[uint64]uint64 // of connected unix sockets: the inode of the other end
	Established map[uint64]bool   // inodes of TCP sockets that are
	Locks       map[int]int       // how many file locks a process has
	Mounts      []string          // mount points of what is of one of [UnknownMounts] and doesn't come from outside
}

// ghostLimit is the size of a file without a name that CRIU takes along, in bytes.
const ghostLimit = 1 << 20

// Find finds the blockers, in the order of processes and descriptors.
func (f *Facts) Find(o Options) (list []Blocker) {
	inside := map[uint64]bool{}
	for i := range f.Processes {
		for j := range f.Processes[i].FDs {
			if d := &f.Processes[i].FDs[j]; d.Mode&unix.S_IFMT == unix.S_IFSOCK {
				inside[d.Inode] = true
			}
		}
	}
	for i := range f.Processes {
		p := &f.Processes[i]
		list = append(list, f.process(p, o)...)
		for j := range p.FDs {
			b := f.descriptor(&p.FDs[j], o, inside)
			if b.Name != "" {
				b.PID, b.FD = p.PID, p.FDs[j].Number
				list = append(list, b)
			}
		}
	}
	for _, point := range f.Mounts {
		list = append(list, Blocker{Name: Mount, FD: -1, What: point + ": a mount of a kind that CRIU doesn't know"})
	}
	slices.SortStableFunc(list, func(a, b Blocker) int { return cmp.Compare(a.PID, b.PID) })
	return list
}

// nested are the namespaces of which all processes have to have the init's.
var nested = [...]string{"user", "pid", "ipc", "uts"}

// UnknownMounts are kinds of mounts that CRIU doesn't dump, unless they come from outside.
var UnknownMounts = []string{"bpf", "hugetlbfs", "ramfs"}

func (f *Facts) process(p *Process, o Options) (list []Blocker) {
	add := func(name, what, mend string) {
		list = append(list, Blocker{Name: name, PID: p.PID, FD: -1, What: what, Mend: mend})
	}
	if p.Tracer > 0 {
		add(Traced, fmt.Sprintf("it is traced by process %d", p.Tracer), "end the debugger")
	}
	if p.Secret {
		add(Secret, "it has memory of memfd_secret", "")
	}
	if n := f.Locks[p.PID]; n > 0 && !o.FileLocks {
		add(Lock, fmt.Sprintf("it has %d file lock(s)", n), "--file-locks")
	}
	for _, kind := range nested {
		if p.Others[kind] {
			add(Namespace, "it is in another "+kind+" namespace than the init", "")
		}
	}
	if p.Others["net"] && !o.FullNetwork {
		add(Namespace, "it is in another net namespace than the init", "")
	}
	return list
}

// known are the anonymous files that CRIU dumps.
var known = []string{"[eventfd]", "[eventpoll]", "[signalfd]", "[timerfd]", "[pidfd]", "inotify", "[fanotify]"}

func (f *Facts) descriptor(d *FD, o Options, inside map[uint64]bool) Blocker {
	if name, ok := strings.CutPrefix(d.Link, "anon_inode:"); ok {
		return anonymous(name, o)
	}
	switch d.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return f.socket(d, o, inside)
	case unix.S_IFCHR:
		return device(d, o)
	case unix.S_IFREG, unix.S_IFDIR:
		return file(d, o)
	}
	return Blocker{}
}

func anonymous(name string, o Options) Blocker {
	switch {
	case strings.Contains(name, "io_uring"):
		return Blocker{Name: Uring, What: "a ring of io_uring"}
	case strings.Contains(name, "seccomp notify"):
		return Blocker{Name: Seccomp, What: "a listener of seccomp notifications"}
	}
	if slices.Contains(known, name) || name == "bpf-map" && o.BPF {
		return Blocker{}
	}
	return Blocker{Name: Other, What: name}
}

func (f *Facts) socket(d *FD, o Options, inside map[uint64]bool) Blocker {
	switch {
	case d.Domain == unix.AF_UNIX:
		if peer := f.Peers[d.Inode]; peer != 0 && !inside[peer] && !o.Sockets {
			return Blocker{Name: Unix, What: "a unix socket whose other end isn't the container's", Mend: "--ext-unix-sk, if it has no state"}
		}
	case d.Domain == unix.AF_INET || d.Domain == unix.AF_INET6:
		switch {
		case d.Proto != unix.IPPROTO_TCP && d.Proto != unix.IPPROTO_UDP && d.Proto != unix.IPPROTO_UDPLITE && d.Proto != unix.IPPROTO_ICMP && d.Proto != unix.IPPROTO_ICMPV6 && d.Proto != unix.IPPROTO_RAW:
			return Blocker{Name: Socket, What: "a socket of protocol " + protocol(d.Proto), Mend: mptcp(d.Proto)}
		case f.Established[d.Inode] && !o.Established:
			return Blocker{Name: TCP, What: "an established TCP connection", Mend: "--tcp-established"}
		}
	case d.Domain < 0 || d.Domain == unix.AF_PACKET || d.Domain == unix.AF_NETLINK:
	default:
		return Blocker{Name: Socket, What: fmt.Sprintf("a socket of address family %d", d.Domain)}
	}
	return Blocker{}
}

func protocol(n int) string {
	switch n {
	case unix.IPPROTO_MPTCP:
		return "MPTCP"
	case unix.IPPROTO_SCTP:
		return "SCTP"
	}
	return fmt.Sprint(n)
}

// mptcp is what helps against it: programs in Go listen with it.
func mptcp(n int) string {
	if n == unix.IPPROTO_MPTCP {
		return "GODEBUG=multipathtcp=0 in its environment, if it is a program in Go; or the sysctl net.mptcp.enabled=0"
	}
	return ""
}

func device(d *FD, o Options) Blocker {
	major, minor := unix.Major(d.Rdev), unix.Minor(d.Rdev)
	const ptyFirst, ptyLast, console, virtual = 136, 143, 5, 4
	switch {
	case major >= ptyFirst && major <= ptyLast, major == console && minor != 2, major == virtual:
		if o.Shell {
			break
		}
		if !d.Within {
			return Blocker{Name: Terminal, What: d.Link + ": a terminal that isn't the container's", Mend: "--shell-job, if it is the caller's"}
		}
	case major == console, major == 1: // ptmx; null, zero and their like
		if !d.Within && !d.Known {
			return Blocker{Name: File, What: d.Link + ": a device on a mount that isn't the container's"}
		}
	case major == 10 && (minor == 200 || minor == 235): // tun, autofs
	default:
		return Blocker{Name: Device, What: fmt.Sprintf("%s: device %d:%d", d.Link, major, minor)}
	}
	return Blocker{}
}

func file(d *FD, o Options) Blocker {
	switch {
	case strings.HasPrefix(d.Link, "/secretmem"):
		return Blocker{Name: Secret, What: "memory of memfd_secret"}
	case d.Huge:
		return Blocker{Name: Other, What: d.Link + ": a file on huge pages of which none is free", Mend: "the sysctl vm.nr_hugepages"}
	case strings.HasPrefix(d.Link, "/memfd:"), !strings.HasPrefix(d.Link, "/"): // memfd, pipes, namespaces
		return Blocker{}
	case !d.Within && !d.Known:
		return Blocker{Name: File, What: d.Link + ": a file on a mount that isn't the container's"}
	case d.Within && d.Links == 0 && d.Mode&unix.S_IFMT == unix.S_IFREG && d.Size > ghostLimit && !o.LinkRemap:
		return Blocker{Name: Deleted, What: fmt.Sprintf("%s: a file of %d bytes without a name", d.Link, d.Size), Mend: "ghost-limit in CRIU's configuration"}
	case d.Within && d.Links > 0 && d.Mode&unix.S_IFMT == unix.S_IFREG && strings.HasSuffix(d.Link, " (deleted)") && !o.LinkRemap:
		return Blocker{Name: Deleted, What: d.Link + ": a file that has other names than the one that it was opened by", Mend: "--link-remap"}
	}
	return Blocker{}
}
