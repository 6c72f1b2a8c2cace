package differ

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rung-oci/rung/tests/report"
)

// A naming turns numbers of this boot and this run into words.
type naming struct {
	namespaces map[string]string // "net:[4026531840]" → "host" or "holder"
	devices    map[string]string // "0:21" of the host's mounts → "host /sys"
	groups     map[string]bool   // peer groups of the host's mounts
}

// namespace says whose a namespace is.
func (n *naming) namespace(link string) string {
	if who, ok := n.namespaces[link]; ok {
		return who
	}
	if !strings.Contains(link, ":[") {
		return link
	}
	return "own"
}

var groupTag = regexp.MustCompile(`^(shared|master|propagate_from):(\d+)$`)

// propagation replaces the numbers of peer groups by "host" or "own".
func (n *naming) propagation(tags string) string {
	fields := strings.Fields(tags)
	for i, tag := range fields {
		m := groupTag.FindStringSubmatch(tag)
		if m == nil {
			continue
		}
		who := "own"
		if n.groups[m[2]] {
			who = "host"
		}
		fields[i] = m[1] + ":" + who
	}
	return strings.Join(fields, " ")
}

// mounts adds lines for each mount. Their order in mountinfo is that of their
// ids, which says when they were made; what covers what is said by their parents.
func (n *naming) mounts(s *Sight, prefix string, mounts []report.Mount) {
	first := make(map[string]string) // device → the first mount point of it
	byID := make(map[int]report.Mount)
	for _, m := range mounts {
		byID[m.ID] = m
	}
	for _, m := range stacked(mounts, byID) {
		dev, ok := n.devices[m.Dev]
		if !ok {
			if dev, ok = first[m.Dev]; ok {
				dev = "that of " + dev
			} else {
				dev, first[m.Dev] = "new", m.Point
			}
		}
		on := "nothing"
		if parent, ok := byID[m.Parent]; ok && m.Parent != m.ID {
			on = parent.Point
		}
		key := prefix + "mount " + m.Point
		s.Add(key, "%s from %s, root %s, device %s", m.Type, m.Source, m.Root, dev)
		s.Add(key+" on", "%s", on)
		s.Add(key+" flags", "%s", m.Options)
		s.Add(key+" super", "%s", m.Super)
		s.Add(key+" propagation", "%s", n.propagation(m.Propagation))
	}
}

// stacked sorts mounts by their points, those at the same point from the lowest up.
func stacked(mounts []report.Mount, byID map[int]report.Mount) []report.Mount {
	depth := func(m report.Mount) (n int) {
		for n < 1000 {
			parent, ok := byID[m.Parent]
			if !ok || m.Parent == m.ID {
				break
			}
			m = parent
			n++
		}
		return n
	}
	mounts = slices.Clone(mounts)
	slices.SortStableFunc(mounts, func(a, b report.Mount) int {
		return cmp.Or(cmp.Compare(a.Point, b.Point), cmp.Compare(depth(a), depth(b)))
	})
	return mounts
}

var (
	inodeTarget = regexp.MustCompile(`^(pipe|socket|net|mnt|pid|uts|ipc|user|cgroup|time):\[\d+\]$`)
	ptyTarget   = regexp.MustCompile(`^/dev/pts/\d+$`)
)

// target is what a descriptor leads to, without inode numbers.
func target(link string) string {
	if m := inodeTarget.FindStringSubmatch(link); m != nil {
		return m[1]
	}
	if ptyTarget.MatchString(link) {
		return "/dev/pts/N"
	}
	return link
}

// inside adds the report of the program inside; values of the same key are one
// line when their order says nothing.
func inside(s *Sight, prefix, text string) (complete bool) {
	var env []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "")) {
		line = strings.TrimRight(line, "\n")
		key, value, ok := strings.Cut(line, "\t")
		switch {
		case line == "END":
			for _, v := range sorted(env) {
				name, _, _ := strings.Cut(v, "=")
				s.Add(prefix+"env "+name, "%s", v)
			}
			return true
		case !ok:
			if line != "" {
				s.Texts = append(s.Texts, prefix+"output: "+line)
			}
		case key == "env":
			env = append(env, value)
		default:
			s.Add(prefix+key, "%s", value)
		}
	}
	return false
}

// hookLine adds what one hook wrote.
func (n *naming) hookLine(s *Sight, line string) {
	name := "?"
	var args, env []string
	var ns []string
	var rest []string
	for field := range strings.SplitSeq(strings.TrimRight(line, "\n"), "\t") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "arg":
			args = append(args, value)
		case "env":
			env = append(env, value)
		case "ns":
			kind, _, _ := strings.Cut(value, ":")
			ns = append(ns, kind+" "+n.namespace(value))
		case "state":
			if len(args) > 2 {
				name = args[2]
			}
			p := fmt.Sprintf("hook %s ", name)
			s.Add(p+"args", "%q", args)
			s.Add(p+"env", "%q", sorted(env))
			s.Add(p+"namespaces", "%s", strings.Join(ns, ", "))
			for _, r := range rest {
				k, v, _ := strings.Cut(r, "=")
				s.Add(p+k, "%s", v)
			}
			hookState(s, p, value)
		case "fd":
			// One line for all.
			if len(rest) > 0 && strings.HasPrefix(rest[len(rest)-1], "fds=") {
				rest[len(rest)-1] += " " + value
			} else {
				rest = append(rest, "fds="+value)
			}
		case "":
		default:
			rest = append(rest, field)
		}
	}
}
