package v2

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
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return s, cgfile.UnlessGone(err)
	}
	defer d.Close()
	for _, read := range [...]func(cgfile.Dir, *cgroups.Stats) error{cpuStats, cpusetStats, memoryStats, pidsStats, ioStats} {
		if err := read(d, s); err != nil {
			return s, err
		}
	}
	s.Hugetlb, err = cgroups.HugetlbOf(d, "current", "", "events")
	return s, err
}

// AddStats reads what a hybrid host has on its unified side.
func (m *Manager) AddStats(s *cgroups.Stats, onV1 func(controller string) bool) error {
	d, err := cgfile.OpenDir(m.dir)
	if err != nil {
		return cgfile.UnlessGone(err)
	}
	defer d.Close()
	for _, c := range [...]struct {
		controller string
		read       func(cgfile.Dir, *cgroups.Stats) error
	}{{"cpu", cpuStats}, {"cpuset", cpusetStats}, {"memory", memoryStats}, {"pids", pidsStats}, {"blkio", ioStats}} {
		if !onV1(c.controller) {
			if err := c.read(d, s); err != nil {
				return err
			}
		}
	}
	if !onV1("hugetlb") {
		s.Hugetlb, err = cgroups.HugetlbOf(d, "current", "", "events")
	}
	return err
}

// cpuStats: cpu.stat counts microseconds, without the controller too.
func cpuStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	stat, err := d.Flat("cpu.stat")
	if err != nil {
		return err
	}
	c := &s.CPU
	c.Total, c.User, c.Kernel = stat["usage_usec"]*1000, stat["user_usec"]*1000, stat["system_usec"]*1000
	c.Periods, c.Throttled, c.ThrottledTime = stat["nr_periods"], stat["nr_throttled"], stat["throttled_usec"]*1000
	c.PSI, err = psi(d, "cpu.pressure")
	return err
}

func cpusetStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	if s.Cpuset.CPUs, err = d.List("cpuset.cpus.effective"); err != nil {
		return err
	}
	s.Cpuset.Mems, err = d.List("cpuset.mems.effective")
	return err
}

func memoryStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	m := &s.Memory
	if m.Raw, err = d.Flat("memory.stat"); err != nil || m.Raw == nil {
		return err
	}
	m.Cache = m.Raw["file"]
	m.Usage.Usage, _ = d.Number("memory.current")
	m.Usage.Limit, _ = d.Number("memory.max")
	m.Usage.Max, _ = d.Number("memory.peak") // Linux 5.19
	events, err := d.Flat("memory.events")
	if err != nil {
		return err
	}
	m.Usage.Failures = events["max"]
	// v1 counts memory and swap together.
	swap, _ := d.Number("memory.swap.current")
	limit, counted := d.Number("memory.swap.max")
	m.Swap.Usage = swap + m.Usage.Usage
	switch {
	case !counted:
		m.Swap.Limit = m.Usage.Limit
	case limit > math.MaxUint64-m.Usage.Limit:
		m.Swap.Limit = math.MaxUint64
	default:
		m.Swap.Limit = limit + m.Usage.Limit
	}
	m.PSI, err = psi(d, "memory.pressure")
	return err
}

// pidsStats counts the processes itself where there is no controller that does.
func pidsStats(d cgfile.Dir, s *cgroups.Stats) error {
	current, ok := d.Number("pids.current")
	if !ok {
		pids, err := cgfile.Pids(d, true)
		s.Pids.Current = uint64(len(pids))
		return err
	}
	s.Pids.Current = current
	if limit, _ := d.Number("pids.max"); limit != math.MaxUint64 {
		s.Pids.Limit = limit
	}
	return nil
}

// ioKinds are the numbers of io.stat under v1's names.
var ioKinds = [...]struct {
	key, op string
	bytes   bool
}{
	{"rbytes", "Read", true},
	{"wbytes", "Write", true},
	{"dbytes", "Discard", true},
	{"rios", "Read", false},
	{"wios", "Write", false},
	{"dios", "Discard", false},
}

// ioStats reads lines such as "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0".
func ioStats(d cgfile.Dir, s *cgroups.Stats) (err error) {
	text, err := d.Read("io.stat")
	if err != nil {
		return cgfile.UnlessGone(err)
	}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		var e cgroups.IOEntry
		if _, err := fmt.Sscanf(fields[0], "%d:%d", &e.Major, &e.Minor); err != nil {
			continue
		}
		for _, field := range fields[1:] {
			key, value, _ := strings.Cut(field, "=")
			for _, k := range ioKinds {
				n, err := strconv.ParseUint(value, 10, 64)
				if k.key != key || err != nil {
					continue
				}
				e.Op, e.Value = k.op, n
				if k.bytes {
					s.IO.Bytes = append(s.IO.Bytes, e)
				} else {
					s.IO.Ops = append(s.IO.Ops, e)
				}
			}
		}
	}
	s.IO.PSI, err = psi(d, "io.pressure")
	return err
}

// psi reads a pressure file; nil where the kernel doesn't count.
func psi(d cgfile.Dir, file string) (*cgroups.PSI, error) {
	text, err := d.Read(file)
	if err != nil {
		return nil, cgfile.UnlessAbsent(err)
	}
	return parsePSI(text), nil
}

// parsePSI reads lines such as "some avg10=0.00 avg60=0.00 avg300=0.00 total=0".
func parsePSI(text string) *cgroups.PSI {
	p := &cgroups.PSI{}
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		to := &p.Some
		switch kind {
		case "some":
		case "full":
			to = &p.Full
		default:
			continue
		}
		for field := range strings.FieldsSeq(rest) {
			key, value, _ := strings.Cut(field, "=")
			switch key {
			case "avg10":
				to.Avg10, _ = strconv.ParseFloat(value, 64)
			case "avg60":
				to.Avg60, _ = strconv.ParseFloat(value, 64)
			case "avg300":
				to.Avg300, _ = strconv.ParseFloat(value, 64)
			case "total":
				to.Total, _ = strconv.ParseUint(value, 10, 64)
			}
		}
	}
	return p
}
