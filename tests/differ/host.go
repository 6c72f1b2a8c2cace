package differ

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/report"
)

// hostNaming knows this process's namespaces and mounts, which containers inherit.
func hostNaming() *naming {
	n := &naming{namespaces: make(map[string]string), devices: make(map[string]string), groups: make(map[string]bool)}
	n.own("/proc/self", "host")
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for _, m := range report.ParseMounts(string(text)) {
		if _, ok := n.devices[m.Dev]; !ok {
			n.devices[m.Dev] = "the host's " + m.Point
		}
		for tag := range strings.FieldsSeq(m.Propagation) {
			if _, id, ok := strings.Cut(tag, ":"); ok {
				n.groups[id] = true
			}
		}
	}
	return n
}

// own names the namespaces of a process.
func (n *naming) own(proc, who string) {
	links, _ := filepath.Glob(proc + "/ns/*")
	for _, path := range links {
		link, err := os.Readlink(path)
		if _, ok := n.namespaces[link]; err == nil && !ok {
			n.namespaces[link] = who
		}
	}
}

// limitFiles are the files of a cgroup that a configuration can set.
var limitFiles = strings.Fields(`memory.limit_in_bytes memory.soft_limit_in_bytes memory.memsw.limit_in_bytes memory.swappiness
	memory.oom_control cpu.shares cpu.cfs_quota_us cpu.cfs_period_us cpu.cfs_burst_us cpu.idle cpuset.cpus cpuset.mems pids.max
	blkio.bfq.weight blkio.throttle.read_bps_device blkio.throttle.write_bps_device blkio.throttle.read_iops_device
	blkio.throttle.write_iops_device devices.list freezer.state notify_on_release memory.max memory.low memory.high memory.swap.max
	memory.oom.group cpu.max cpu.max.burst cpu.weight io.max io.weight cgroup.freeze cgroup.type cgroup.subtree_control
	hugetlb.2MB.max hugetlb.2MB.rsvd.max`)

// cgroupFiles adds what is set in a cgroup, in each hierarchy that has it.
func cgroupFiles(s *Sight, path string) {
	for _, dir := range harness.CgroupDirs(path) {
		name := "limits " + filepath.Base(strings.TrimSuffix(dir, path))
		info, err := os.Stat(dir)
		if err != nil {
			s.Add(name, "%s", explain(err))
			continue
		}
		s.Add(name, "%v", info.Mode())
		for _, file := range limitFiles {
			data, err := os.ReadFile(dir + "/" + file)
			if err == nil && file == "devices.list" {
				s.Add(name+" "+file, "%s", strings.Join(sorted(strings.Split(strings.TrimSpace(string(data)), "\n")), ", "))
			} else if err == nil {
				s.Add(fmt.Sprintf("%s %s", name, file), "%s", strings.Join(strings.Fields(string(data)), " "))
			}
		}
	}
}
