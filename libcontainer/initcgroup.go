package libcontainer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/libcontainer/proc"
)

// initCgroup opens the v2 cgroup that the container's init is in now, which must
// be below the container's own: where else somebody has put it is no place for
// the container's processes.
func initCgroup(c *container) (int, error) {
	layout, err := cgroups.Detect()
	if err != nil {
		return -1, err
	}
	h := layout.Hierarchy("")
	if h == nil {
		return -1, errors.New("no cgroup2 is mounted")
	}
	text, err := c.host.ReadFile(proc.PID(c.record.PID, "cgroup"), maxCgroupText)
	if err != nil {
		return -1, err
	}
	dir, ok := unifiedDir(string(text), h)
	if own := c.record.Cgroups[""]; !ok || !strings.HasPrefix(dir, own+"/") {
		return -1, fmt.Errorf("container's init isn't below its cgroup %s", own)
	}
	d, err := cgfile.OpenDir(dir)
	return d.FD(), err
}

// maxCgroupText bounds what is read of /proc/PID/cgroup.
const maxCgroupText = 64 << 10

// unifiedDir finds the directory of the v2 cgroup in the text of /proc/PID/cgroup.
func unifiedDir(text string, h *cgroups.Hierarchy) (string, bool) {
	for line := range strings.Lines(text) {
		p, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if !ok {
			continue
		}
		rel, ok := strings.CutPrefix(p, strings.TrimSuffix(h.MountRoot, "/"))
		dir := path.Join(h.Mountpoint, rel)
		return dir, ok && !strings.Contains(p, "/..")
	}
	return "", false
}
