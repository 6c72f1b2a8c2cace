package idmap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/nsenter"
)

// Read returns the maps of an existing user namespace, with host ids as we see them. The
// kernel tells those of a process only, so one joins it for a moment.
func Read(fs proc.FS, user int) (uids, gids []specs.LinuxIDMapping, err error) {
	h, err := nsenter.HoldIn(user)
	if err != nil {
		return nil, nil, err
	}
	defer h.Release()
	if uids, err = read(fs, h.PID, "uid_map"); err == nil {
		gids, err = read(fs, h.PID, "gid_map")
	}
	return uids, gids, err
}

// maxText is more than the text of a map can have: 340 lines of three numbers.
const maxText = 340*3*11 + 1

func read(fs proc.FS, pid int, file string) (list []specs.LinuxIDMapping, err error) {
	text, err := fs.ReadFile(proc.PID(pid, file), maxText)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		var m specs.LinuxIDMapping
		if _, err := fmt.Sscan(line, &m.ContainerID, &m.HostID, &m.Size); err != nil {
			return nil, fmt.Errorf("malformed %s: %.80q", file, line)
		}
		list = append(list, m)
	}
	return list, nil
}

// Same tells whether two maps map the same ids to the same ones, however they are written.
func Same(a, b []specs.LinuxIDMapping) bool { return slices.Equal(plain(a), plain(b)) }

// plain sorts a map and joins what is adjacent.
func plain(list []specs.LinuxIDMapping) (out []specs.LinuxIDMapping) {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b specs.LinuxIDMapping) int { return int(int64(a.ContainerID) - int64(b.ContainerID)) })
	for _, m := range sorted {
		if n := len(out) - 1; n >= 0 && out[n].ContainerID+out[n].Size == m.ContainerID && out[n].HostID+out[n].Size == m.HostID {
			out[n].Size += m.Size
			continue
		}
		out = append(out, m)
	}
	return out
}
