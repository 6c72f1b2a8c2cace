// Package inspect compares what a configuration asks for with what the kernel says of a container. It is pure: it gets
// the kernel's words as they are, and returns rows.
package inspect

import (
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// A Row is one thing, asked for and found.
type Row struct {
	Subject string // what it is one of
	Name    string
	Asked   string // "": the configuration says nothing of it
	Found   string // "": there is none
	Differs bool   // what was found isn't what was asked for, and nothing that Note could say makes it so
	Note    string
}

// The subjects, in the order of the rows.
const (
	Namespaces   = "namespace"
	Mounts       = "mount"
	User         = "user"
	Capabilities = "capabilities"
	Limits       = "limit"
	Security     = "security"
	Process      = "process"
	Cgroups      = "cgroup"
)

// Subjects are all of them.
var Subjects = []string{Namespaces, Mounts, User, Capabilities, Limits, Security, Process, Cgroups}

// Found is what the kernel says of a container's init. Texts are those of files in its directory of /proc; an empty one
// couldn't be read.
type Found struct {
	Started    bool                 // it has become the user's program, and isn't only created
	Namespaces map[string]Namespace // by their names in /proc/PID/ns; those that the kernel has
	Mountinfo  string               // of the mounts below its root directory; there may be none
	MountsRead bool                 // whether it could be read
	Origins    map[int]Origin       // of what mounts of the configuration bind, see [Bind], where it is there
	Own        string               // mountinfo of ours, whom we take for the host
	Bundle     string               // its directory
	Rootfs     string               // directory of the root filesystem
	Devices    []string             // paths that may be mounts, because devices are bound where none can be made
	Replaced   map[string]bool      // destinations of mounts that were added while it ran, at which another one is
	Reached    map[string]Place     // where what [Unplaced] names is
	Status     string
	Limits     string
	OOMScore   string // oom_score_adj
	UIDMap     string
	GIDMap     string
	Setgroups  string
	AppArmor   string // profile and mode
	SELinux    string
	Filtered   bool // we have a seccomp filter ourselves, which what we start inherits
	Cgroups    []Cgroup
	Location   map[string]string // controller → directory; none: it has no cgroup of its own
	Within     map[string]string // controller → directory of the cgroup that the init is in, see [cgroups.Layout.Of]; none: it can't be read
	Page       uint64            // size of the kernel's pages
}

// A Namespace is one that the init is in.
type Namespace struct {
	Inode uint64
	Ours  uint64 // the caller's, whom we take for the host
	Named uint64 // what is at the path of the configuration now; 0: nothing is
}

// A Place is where a path leads to in the container.
type Place struct {
	Absent bool
	Point  string // the mount point that it leads to; "": something that isn't one
}

// A Cgroup is what a file of a cgroup says in which a limit was written.
type Cgroup struct {
	cgfile.Write
	Text string
	Err  string // why it can't be read
}

// Compare returns all rows for a configuration, in the order of the subjects.
func Compare(s *specs.Spec, f *Found) []Row {
	status := parseStatus(f.Status)
	return slices.Concat(
		namespaces(s, f), mounts(s, f), identity(s, f, status), capabilities(s, f, status), limits(s, f), security(s, f, status),
		process(s, f), location(s, f), cgroups(f),
	)
}

// Differences counts the rows that differ.
func Differences(rows []Row) (n int) {
	for i := range rows {
		if rows[i].Differs {
			n++
		}
	}
	return n
}

// unread is the row of a subject of which the kernel has told us nothing.
func unread(subject, name string) []Row {
	return []Row{{Subject: subject, Name: name, Note: "can't be read"}}
}

func process(s *specs.Spec, f *Found) []Row {
	const name = "oom_score_adj"
	if f.OOMScore == "" {
		return unread(Process, name)
	}
	row := Row{Subject: Process, Name: name, Found: f.OOMScore}
	if s.Process != nil && s.Process.OOMScoreAdj != nil {
		row.Asked = strconv.Itoa(*s.Process.OOMScoreAdj)
		row.Differs = row.Asked != row.Found
	}
	return []Row{row}
}
