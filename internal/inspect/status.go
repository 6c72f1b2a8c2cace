package inspect

import (
	"strconv"
	"strings"

	"github.com/rung-oci/rung/internal/caps"
)

// A status is /proc/PID/status, by its keys; nil if that couldn't be read.
type status map[string]string

func parseStatus(text string) status {
	if text == "" {
		return nil
	}
	s := status{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			s[key] = strings.TrimSpace(value)
		}
	}
	return s
}

// set is a set of capabilities.
func (s status) set(key string) caps.Set {
	n, _ := strconv.ParseUint(s[key], 16, 64)
	return caps.Set(n)
}

// Filtered tells whether the process of a /proc/PID/status has a seccomp filter.
func Filtered(text string) bool { return parseStatus(text)["Seccomp"] == "2" }

// An idMap is a uid_map or a gid_map, whose ids outside are as we see them.
type idMap []struct{ inside, outside, count uint64 }

func parseIDMap(text string) (m idMap) {
	for line := range strings.Lines(text) {
		var n [3]uint64
		words := strings.Fields(line)
		for i := range n {
			if len(words) == len(n) {
				n[i], _ = strconv.ParseUint(words[i], 10, 64)
			}
		}
		m = append(m, struct{ inside, outside, count uint64 }{n[0], n[1], n[2]})
	}
	return m
}

// inside is what the container calls an id; false if it has no name for it.
func (m idMap) inside(id string) (string, bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	for _, r := range m {
		if err == nil && n >= r.outside && n-r.outside < r.count {
			return strconv.FormatUint(n-r.outside+r.inside, 10), true
		}
	}
	return id, false
}
