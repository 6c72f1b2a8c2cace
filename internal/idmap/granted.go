package idmap

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Granted tells whether newuidmap(1), or newgidmap(1), writes a map for a user: what it maps has to be his own id, or in ranges that a text like
// /etc/subuid gives him. name is his in /etc/passwd, "" if he has none.
func Granted(list []specs.LinuxIDMapping, uid, own int, name, text string) bool {
	var ranges [][2]uint64 // begin, end
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != strconv.Itoa(uid) && (name == "" || f[0] != name) {
			continue
		}
		begin, err := strconv.ParseUint(f[1], 10, 32)
		size, serr := strconv.ParseUint(f[2], 10, 32)
		if err == nil && serr == nil {
			ranges = append(ranges, [2]uint64{begin, begin + size})
		}
	}
	for _, m := range list {
		if m.Size == 1 && int(m.HostID) == own {
			continue
		}
		at, end := uint64(m.HostID), uint64(m.HostID)+uint64(m.Size)
		for again := true; again && at < end; { // ranges may be one behind the other, in any order
			again = false
			for _, r := range ranges {
				if at >= r[0] && at < r[1] {
					at, again = r[1], true
				}
			}
		}
		if at < end {
			return false
		}
	}
	return true
}

// Name is a user's in a text like /etc/passwd, "" if he isn't there.
func Name(text string, uid int) string {
	for line := range strings.Lines(text) {
		if f := strings.SplitN(line, ":", 4); len(f) == 4 && f[2] == strconv.Itoa(uid) {
			return f[0]
		}
	}
	return ""
}
