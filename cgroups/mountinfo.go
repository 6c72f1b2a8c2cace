package cgroups

import (
	"slices"
	"strings"
)

// mount is one cgroup mount of mountinfo.
type mount struct {
	root, point string
	unified     bool
	options     []string // of the superblock: controllers, name=
}

// parseMounts returns the visible cgroup mounts of a mountinfo text. A mount
// that another one covers at the same place is not visible.
func parseMounts(text []byte) []mount {
	var mounts []mount
	for line := range strings.Lines(string(text)) {
		left, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		before, after := strings.Fields(left), strings.Fields(right)
		if !ok || len(before) < 6 || len(after) < 1 {
			continue
		}
		m := mount{root: unescape(before[3]), point: unescape(before[4])}
		mounts = slices.DeleteFunc(mounts, func(old mount) bool { return old.point == m.point })
		if len(after) < 3 || !strings.HasPrefix(m.root, "/") || !strings.HasPrefix(m.point, "/") {
			continue
		}
		switch after[0] {
		case "cgroup2":
			m.unified = true
		case "cgroup":
			m.options = strings.Split(after[2], ",")
		default:
			continue
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// unescape undoes the octal escapes (\040 and its like) of mountinfo.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c, ok := octal(s[i:]); ok {
			b.WriteByte(c)
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(s string) (byte, bool) {
	if len(s) < 4 || s[0] != '\\' {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s[1:4]) {
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n*8 + int(c-'0')
	}
	return byte(n), n < 256
}

// membership is one line of /proc/self/cgroup.
type membership struct {
	controllers []string
	name        string
	unified     bool
	path        string
}

// parseOwn parses /proc/self/cgroup: "4:memory:/x", "1:name=systemd:/", "0::/x".
// The path may hold colons.
func parseOwn(text []byte) []membership {
	var all []membership
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) != 3 || !strings.HasPrefix(f[2], "/") {
			continue
		}
		m := membership{path: f[2], unified: f[0] == "0" && f[1] == ""}
		for c := range strings.SplitSeq(f[1], ",") {
			if name, ok := strings.CutPrefix(c, "name="); ok {
				m.name = name
			} else if c != "" {
				m.controllers = append(m.controllers, c)
			}
		}
		if m.unified || m.name != "" || len(m.controllers) > 0 {
			all = append(all, m)
		}
	}
	return all
}

// find returns the mount of the hierarchy: one below /sys/fs/cgroup that shows
// the whole tree if there is one, else one below /sys/fs/cgroup, else any.
func (m *membership) find(mounts []mount) *mount {
	var best *mount
	rank := -1
	for i := range mounts {
		c := &mounts[i]
		if !m.matches(c) {
			continue
		}
		r := 0
		if strings.HasPrefix(c.point, root+"/") {
			r += 2
		}
		if c.root == "/" {
			r++
		}
		if r > rank {
			best, rank = c, r
		}
	}
	return best
}

func (m *membership) matches(c *mount) bool {
	switch {
	case m.unified || c.unified:
		return m.unified && c.unified
	case m.name != "":
		return slices.Contains(c.options, "name="+m.name)
	}
	return slices.Contains(c.options, m.controllers[0])
}
