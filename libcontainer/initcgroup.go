package libcontainer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/internal/proc"
)

// initCgroup opens the v2 cgroup that the container's init is in now. It must be below
// the container's own while that is there: where else somebody has put it is no place for
// the container's processes.
func initCgroup(c *container, anywhere bool) (fd int, dir string, err error) {
	layout, err := cgroups.Detect()
	if err != nil {
		return -1, "", err
	}
	text, err := c.host.ReadFile(proc.PID(c.record.PID, "cgroup"), maxCgroupText)
	if err != nil {
		return -1, "", err
	}
	dir, ok := layout.Of(text)[""]
	if own := c.record.Cgroups[""]; !ok || !anywhere && !strings.HasPrefix(dir, own+"/") {
		return -1, "", fmt.Errorf("%w %s", errNotBelow, own)
	}
	d, err := cgfile.OpenDir(dir)
	return d.FD(), dir, err
}

var errNotBelow = errors.New("container's init isn't below its cgroup")

// maxCgroupText bounds what is read of /proc/PID/cgroup.
const maxCgroupText = 64 << 10
