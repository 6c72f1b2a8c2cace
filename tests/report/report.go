// Package report is what a process sees of itself: the probe program prints it
// as JSON from inside a container, and tests compare it with what they asked for.
//
// A Go program can't see everything as it was given: its runtime raises the soft
// RLIMIT_NOFILE, installs signal handlers and starts threads. Tests of those
// read /proc/self/{limits,status} with busybox's cat instead.
package report

// Report is one process's view.
type Report struct {
	Args       []string          `json:"args"`
	Env        []string          `json:"env"`
	Cwd        string            `json:"cwd"`
	Hostname   string            `json:"hostname"`
	Domainname string            `json:"domainname"`
	PID        int               `json:"pid"`
	PPID       int               `json:"ppid"`
	SID        int               `json:"sid"`
	PGID       int               `json:"pgid"`
	UID        [3]int            `json:"uid"` // real, effective, saved
	GID        [3]int            `json:"gid"`
	Groups     []int             `json:"groups"`
	Umask      int               `json:"umask"`
	Status     map[string]string `json:"status"` // of /proc/self/status
	Namespaces map[string]string `json:"namespaces"`
	FDs        map[int]string    `json:"fds"` // all that were open before main
	Mounts     []Mount           `json:"mounts"`
	Cgroup     []string          `json:"cgroup"` // lines of /proc/self/cgroup
	Nice       int               `json:"nice"`
	Affinity   []int             `json:"affinity"`
	OOMScore   string            `json:"oom_score_adj"`
	Keyring    string            `json:"keyring"` // description of the session keyring
	TTY        *TTY              `json:"tty"`     // of stdin, nil if that is no terminal
	Label      string            `json:"label"`   // /proc/self/attr/current
	TimeOffset string            `json:"timens_offsets"`
	Tries      map[string]string `json:"tries"` // outcome of each requested operation
}

// TTY describes the terminal of stdin.
type TTY struct {
	Rows        int    `json:"rows"`
	Cols        int    `json:"cols"`
	Name        string `json:"name"`
	Controlling bool   `json:"controlling"` // /dev/tty opens
	UID         int    `json:"uid"`
	GID         int    `json:"gid"`
	Mode        uint32 `json:"mode"`
}

// Mount is a line of /proc/self/mountinfo.
type Mount struct {
	ID, Parent  int
	Dev         string
	Root        string // what of the file system is mounted
	Point       string
	Options     string // of the mount
	Propagation string // "", "shared:N", "master:N", …
	Type        string
	Source      string
	Super       string // options of the superblock
}

// Mount returns the topmost mount at the given point, or nil. That is the one on
// which no other at the same point lies; the order of lines doesn't tell.
func (r *Report) Mount(point string) *Mount {
	parents := make(map[int]bool)
	for _, m := range r.Mounts {
		if m.Point == point {
			parents[m.Parent] = true
		}
	}
	for i := range r.Mounts {
		if m := &r.Mounts[i]; m.Point == point && (!parents[m.ID] || m.ID == m.Parent) {
			return m
		}
	}
	return nil
}
