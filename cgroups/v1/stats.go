package v1

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Stats reads what the container uses.
func (m *Manager) Stats() (*cgroups.Stats, error) {
	s := &cgroups.Stats{}
	for _, c := range [...]struct {
		controller string
		read       func(cgfile.Dir, *cgroups.Stats) error
	}{
		{"cpuacct", cpuacctStats},
		{"cpu", cpuStats},
		{"cpuset", cpusetStats},
		{"memory", memoryStats},
		{"pids", pidsStats},
		{"blkio", blkioStats},
		{"hugetlb", hugetlbStats},
	} {
		t := m.find(c.controller)
		if t == nil {
			continue
		}
		d, err := cgfile.OpenDir(t.dir)
		if err == nil {
			err = c.read(d, s)
			d.Close()
		}
		if err := cgfile.UnlessGone(err); err != nil {
			return s, err
		}
	}
	if m.unified == nil {
		return s, nil
	}
	return s, m.unified.AddStats(s, func(controller string) bool { return m.find(controller) != nil })
}

// tick is the unit of cpuacct.stat, 1/USER_HZ, in nanoseconds. USER_HZ is 100 on
// every architecture that Go knows.
const tick = 1e9 / 100

func cpuacctStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	c := &s.CPU
	c.Total, _ = d.Number("cpuacct.usage")
	stat, err := d.Flat("cpuacct.stat")
	if err != nil {
		return err
	}
	c.User, c.Kernel = stat["user"]*tick, stat["system"]*tick
	if c.PerCPU, err = d.Numbers("cpuacct.usage_percpu"); err != nil {
		return err
	}
	text, err := d.Read("cpuacct.usage_all") // "cpu user system", then a line for each
	if err != nil {
		return cgfile.UnlessAbsent(err)
	}
	for line := range strings.Lines(text) {
		var cpu, user, system uint64
		if _, err := fmt.Sscanf(line, "%d %d %d", &cpu, &user, &system); err == nil {
			c.PerCPUUser, c.PerCPUKernel = append(c.PerCPUUser, user), append(c.PerCPUKernel, system)
		}
	}
	return nil
}

func cpuStats(d cgfile.Dir, s *cgroups.Stats) error {
	stat, err := d.Flat("cpu.stat")
	s.CPU.Periods, s.CPU.Throttled, s.CPU.ThrottledTime = stat["nr_periods"], stat["nr_throttled"], stat["throttled_time"]
	return err
}

func cpusetStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	c := &s.Cpuset
	if c.CPUs, err = d.List("cpuset.cpus"); err != nil {
		return err
	}
	if c.Mems, err = d.List("cpuset.mems"); err != nil {
		return err
	}
	for _, f := range [...]struct {
		file string
		to   *uint64
	}{
		{"cpu_exclusive", &c.CPUExclusive},
		{"mem_exclusive", &c.MemExclusive},
		{"mem_hardwall", &c.MemHardwall},
		{"memory_migrate", &c.MemoryMigrate},
		{"memory_spread_page", &c.MemorySpreadPage},
		{"memory_spread_slab", &c.MemorySpreadSlab},
		{"memory_pressure", &c.MemoryPressure},
		{"sched_load_balance", &c.SchedLoadBalance},
	} {
		*f.to, _ = d.Number("cpuset." + f.file)
	}
	text, err := d.Read("cpuset.sched_relax_domain_level")
	c.SchedRelaxDomainLevel, _ = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return cgfile.UnlessAbsent(err)
}

func memoryStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	m := &s.Memory
	if m.Raw, err = d.Flat("memory.stat"); err != nil {
		return err
	}
	m.Cache = m.Raw["cache"]
	for _, k := range [...]struct {
		name string
		to   *cgroups.MemoryUsage
	}{{"memory.", &m.Usage}, {"memory.memsw.", &m.Swap}, {"memory.kmem.", &m.Kernel}, {"memory.kmem.tcp.", &m.KernelTCP}} {
		k.to.Usage, _ = d.Number(k.name + "usage_in_bytes")
		k.to.Max, _ = d.Number(k.name + "max_usage_in_bytes")
		k.to.Failures, _ = d.Number(k.name + "failcnt")
		k.to.Limit, _ = d.Number(k.name + "limit_in_bytes")
	}
	return nil
}

func pidsStats(d cgfile.Dir, s *cgroups.Stats) error {
	s.Pids.Current, _ = d.Number("pids.current")
	if limit, _ := d.Number("pids.max"); limit != math.MaxUint64 {
		s.Pids.Limit = limit
	}
	return nil
}

func hugetlbStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	s.Hugetlb, err = cgroups.HugetlbOf(d, "usage_in_bytes", "max_usage_in_bytes", "failcnt")
	return err
}

// blkioStats reads what the BFQ scheduler counts, or what is counted where
// devices are throttled, which is everywhere.
func blkioStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	if s.IO.Ops, err = blkioFile(d, "blkio.bfq.io_serviced_recursive"); err != nil {
		return err
	}
	prefix := "blkio.throttle." // which has the first two of the files only
	if len(s.IO.Ops) > 0 {
		prefix = "blkio.bfq."
	}
	for _, f := range [...]struct {
		file string
		to   *[]cgroups.IOEntry
	}{
		{"io_service_bytes_recursive", &s.IO.Bytes},
		{"io_serviced_recursive", &s.IO.Ops},
		{"io_queued_recursive", &s.IO.Queued},
		{"io_service_time_recursive", &s.IO.ServiceTime},
		{"io_wait_time_recursive", &s.IO.WaitTime},
		{"io_merged_recursive", &s.IO.Merged},
		{"time_recursive", &s.IO.Time},
		{"sectors_recursive", &s.IO.Sectors},
	} {
		if *f.to, err = blkioFile(d, prefix+f.file); err != nil {
			return err
		}
	}
	return nil
}

// blkioFile reads lines such as "8:0 Read 4096" or "8:0 4096". The sum over all
// devices, a line without one, is left out.
func blkioFile(d cgfile.Dir, file string) (out []cgroups.IOEntry, err error) {
	text, err := d.Read(file)
	if err != nil {
		return nil, cgfile.UnlessAbsent(err)
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || len(fields) > 3 {
			continue
		}
		var e cgroups.IOEntry
		if _, err := fmt.Sscanf(fields[0], "%d:%d", &e.Major, &e.Minor); err != nil {
			continue
		}
		if len(fields) == 3 {
			e.Op = fields[1]
		}
		if e.Value, err = strconv.ParseUint(fields[len(fields)-1], 10, 64); err == nil {
			out = append(out, e)
		}
	}
	return out, nil
}
