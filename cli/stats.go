package cli

import (
	"maps"
	"slices"
	"strconv"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/libcontainer"
)

// oomEvent and statsEvent are lines of `events`. Names, order and what is left
// out when it is zero are runc's.
func oomEvent(id string) []byte {
	w := statsWriter{jsontext.NewWriter(nil, "")}
	w.BeginObject()
	w.event("oom", id)
	w.EndObject()
	return append(w.Bytes(), '\n')
}

func statsEvent(id string, s *libcontainer.Stats) []byte {
	w := statsWriter{jsontext.NewWriter(make([]byte, 0, 4096), "")}
	w.BeginObject()
	w.event("stats", id)
	w.object("data", func() {
		w.object("cpu", func() { w.cpu(&s.CPU) })
		w.object("cpuset", func() { w.cpuset(&s.Cpuset) })
		w.object("memory", func() { w.memory(&s.Memory) })
		w.object("pids", func() {
			w.some("current", s.Pids.Current)
			w.some("limit", s.Pids.Limit)
		})
		w.object("blkio", func() { w.blkio(&s.IO) })
		w.object("hugetlb", func() {
			for _, size := range slices.Sorted(maps.Keys(s.Hugetlb)) {
				h := s.Hugetlb[size]
				w.object(size, func() {
					w.some("usage", h.Usage)
					w.some("max", h.Max)
					w.number("failcnt", h.Failures)
				})
			}
		})
		w.object("intel_rdt", func() { w.resctrl(s.Resctrl) })
		w.Key("network_interfaces")
		w.Null()
	})
	w.EndObject()
	return append(w.Bytes(), '\n')
}

type statsWriter struct{ jsontext.Writer }

func (w *statsWriter) event(kind, id string) {
	w.Key("type")
	w.String(kind)
	w.Key("id")
	w.String(id)
}

func (w *statsWriter) object(key string, members func()) {
	w.Key(key)
	w.BeginObject()
	members()
	w.EndObject()
}

func (w *statsWriter) number(key string, n uint64) {
	w.Key(key)
	w.Uint(n)
}

// some leaves zero out.
func (w *statsWriter) some(key string, n uint64) {
	if n != 0 {
		w.number(key, n)
	}
}

// numbers writes an array, unless it is empty.
func numbers[T uint16 | uint64](w *statsWriter, key string, list []T) {
	if len(list) == 0 {
		return
	}
	w.Key(key)
	w.BeginArray()
	for _, n := range list {
		w.Uint(uint64(n))
	}
	w.EndArray()
}

func (w *statsWriter) cpu(c *cgroups.CPUStats) {
	w.object("usage", func() {
		w.some("total", c.Total)
		numbers(w, "percpu", c.PerCPU)
		numbers(w, "percpu_kernel", c.PerCPUKernel)
		numbers(w, "percpu_user", c.PerCPUUser)
		w.number("kernel", c.Kernel)
		w.number("user", c.User)
	})
	w.object("throttling", func() {
		w.some("periods", c.Periods)
		w.some("throttledPeriods", c.Throttled)
		w.some("throttledTime", c.ThrottledTime)
	})
	w.psi(c.PSI)
}

func (w *statsWriter) cpuset(c *cgroups.CpusetStats) {
	numbers(w, "cpus", c.CPUs)
	w.number("cpu_exclusive", c.CPUExclusive)
	numbers(w, "mems", c.Mems)
	w.number("mem_hardwall", c.MemHardwall)
	w.number("mem_exclusive", c.MemExclusive)
	w.number("memory_migrate", c.MemoryMigrate)
	w.number("memory_spread_page", c.MemorySpreadPage)
	w.number("memory_spread_slab", c.MemorySpreadSlab)
	w.number("memory_pressure", c.MemoryPressure)
	w.number("sched_load_balance", c.SchedLoadBalance)
	w.Key("sched_relax_domain_level")
	w.Int(c.SchedRelaxDomainLevel)
}

func (w *statsWriter) memory(m *cgroups.MemoryStats) {
	w.some("cache", m.Cache)
	for _, k := range [...]struct {
		key string
		u   *cgroups.MemoryUsage
	}{{"usage", &m.Usage}, {"swap", &m.Swap}, {"kernel", &m.Kernel}, {"kernelTCP", &m.KernelTCP}} {
		w.object(k.key, func() {
			w.number("limit", k.u.Limit)
			w.some("usage", k.u.Usage)
			w.some("max", k.u.Max)
			w.number("failcnt", k.u.Failures)
		})
	}
	if len(m.Raw) > 0 {
		w.object("raw", func() {
			for _, key := range slices.Sorted(maps.Keys(m.Raw)) {
				w.number(key, m.Raw[key])
			}
		})
	}
	w.psi(m.PSI)
}

func (w *statsWriter) blkio(s *cgroups.IOStats) {
	for _, k := range [...]struct {
		key  string
		list []cgroups.IOEntry
	}{
		{"ioServiceBytesRecursive", s.Bytes},
		{"ioServicedRecursive", s.Ops},
		{"ioQueueRecursive", s.Queued},
		{"ioServiceTimeRecursive", s.ServiceTime},
		{"ioWaitTimeRecursive", s.WaitTime},
		{"ioMergedRecursive", s.Merged},
		{"ioTimeRecursive", s.Time},
		{"sectorsRecursive", s.Sectors},
	} {
		if len(k.list) == 0 {
			continue
		}
		w.Key(k.key)
		w.BeginArray()
		for i := range k.list {
			e := &k.list[i]
			w.BeginObject()
			w.some("major", e.Major)
			w.some("minor", e.Minor)
			if e.Op != "" {
				w.Key("op")
				w.String(e.Op)
			}
			w.some("value", e.Value)
			w.EndObject()
		}
		w.EndArray()
	}
	w.psi(s.PSI)
}

func (w *statsWriter) psi(p *cgroups.PSI) {
	if p == nil {
		return
	}
	w.object("psi", func() {
		for _, k := range [...]struct {
			key string
			p   *cgroups.Pressure
		}{{"some", &p.Some}, {"full", &p.Full}} {
			w.object(k.key, func() {
				w.average("avg10", k.p.Avg10)
				w.average("avg60", k.p.Avg60)
				w.average("avg300", k.p.Avg300)
				w.number("total", k.p.Total)
			})
		}
	})
}

func (w *statsWriter) average(key string, f float64) {
	w.Key(key)
	w.Raw(strconv.FormatFloat(f, 'f', -1, 64))
}
