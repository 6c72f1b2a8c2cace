package systemd

import (
	"math"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// A Property is a setting of a unit, in the form that D-Bus has it: (sv).
type Property struct {
	Name  string
	Value dbus.Variant
}

func property(name string, value any) Property { return Property{name, dbus.MakeVariant(value)} }

// String prints the property as `systemd-run -p` takes it.
func (p Property) String() string { return p.Name + "=" + p.Value.String() }

// infinity is no limit, or a default.
const infinity uint64 = math.MaxUint64

// table says which property a cgroup file is to systemd, for v1 and v2: both the
// fields of linux.resources and linux.resources.unified are such files. What
// isn't here systemd doesn't know, or, as the throttles of block devices, leaves
// alone if it isn't told.
var table = [...]struct {
	property string
	since    int // version of systemd, where that isn't older than Linux 5.14
	file     string
	value    func(text string) (any, bool)
}{
	{"MemoryMax", 0, "memory.max", number},
	{"MemoryHigh", 0, "memory.high", number},
	{"MemoryLow", 0, "memory.low", number},
	{"MemoryMin", 0, "memory.min", number},
	{"MemorySwapMax", 0, "memory.swap.max", number},
	{"MemoryLimit", 0, "memory.limit_in_bytes", number},
	{"OOMPolicy", 253, "memory.oom.group", oomPolicy},
	{"CPUWeight", 0, "cpu.weight", number},
	{"CPUWeight", 252, "cpu.idle", idle},
	{"CPUShares", 0, "cpu.shares", number},
	{"CPUQuotaPeriodUSec", 0, "cpu.max", period},
	{"CPUQuotaPerSecUSec", 0, "cpu.max", quota},
	{"TasksMax", 0, "pids.max", number},
	{"IOWeight", 0, "io.weight", weight},
	{"BlockIOWeight", 0, "blkio.weight", number},
	{"BlockIOWeight", 0, "blkio.bfq.weight", number},
	{"AllowedCPUs", 0, "cpuset.cpus", mask},
	{"AllowedMemoryNodes", 0, "cpuset.mems", mask},
}

// Properties decides what the writes to a container's cgroup mean for its unit,
// in the order of the table. The last write to a file counts. What is newer than
// systemd's version is left to the cgroup's files; NeedVersion tells whether
// that matters.
func Properties(writes []cgfile.Write, version int) (list []Property) {
	values := collect(writes)
	for _, row := range table {
		text, ok := values[row.file]
		if !ok || row.since > version {
			continue
		}
		v, ok := row.value(text)
		if !ok {
			continue
		}
		if n := len(list); n > 0 && list[n-1].Name == row.property {
			list = list[:n-1] // an idle group has no other weight
		}
		list = append(list, property(row.property, v))
	}
	return list
}

// NeedVersion tells whether Properties depends on the version.
func NeedVersion(writes []cgfile.Write) bool {
	values := collect(writes)
	for _, row := range table {
		if _, ok := values[row.file]; ok && row.since > 0 {
			return true
		}
	}
	return false
}

// collect maps files to what is written to them. v1 has two files where v2 has
// cpu.max.
func collect(writes []cgfile.Write) map[string]string {
	values := make(map[string]string)
	for i := range writes {
		w := &writes[i]
		if w.File == "io.bfq.weight" && w.Or != nil {
			w = w.Or // systemd converts it back where there is BFQ
		}
		values[w.File] = w.Value
	}
	quota, limited := values["cpu.cfs_quota_us"]
	period, ok := values["cpu.cfs_period_us"]
	if limited || ok {
		if n, err := strconv.ParseInt(quota, 10, 64); err != nil || n <= 0 {
			quota = "max"
		}
		values["cpu.max"] = strings.TrimSpace(quota + " " + period)
	}
	return values
}

// number reads what the kernel takes for a limit: max, or bytes with a suffix.
func number(text string) (any, bool) {
	text = strings.TrimSpace(text)
	if text == "max" || text == "-1" {
		return infinity, true
	}
	shift := 0
	if n := len(text); n > 0 {
		if i := strings.IndexByte("kmgt", text[n-1]|0x20); i >= 0 {
			text, shift = text[:n-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > math.MaxUint64>>shift {
		return nil, false
	}
	return n << shift, true
}

// weight reads io.weight: "100" or "default 100", but not that of one device.
func weight(text string) (any, bool) {
	return number(strings.TrimPrefix(strings.TrimSpace(text), "default "))
}

// idle is systemd's weight of a group that runs when nobody else wants to.
func idle(text string) (any, bool) {
	return uint64(0), strings.TrimSpace(text) == "1"
}

func oomPolicy(text string) (any, bool) {
	switch strings.TrimSpace(text) {
	case "0":
		return "continue", true
	case "1":
		return "kill", true
	}
	return nil, false
}

const (
	second        = 1000000 // in µs
	defaultPeriod = 100000  // the kernel's, in µs
	// granule is what systemd's unit files can say, in µs per second: a percent.
	granule = second / 100
)

// cpuMax reads "QUOTA PERIOD"; a quota of 0 is none.
func cpuMax(text string) (quota, period uint64, ok bool) {
	first, rest, more := strings.Cut(strings.TrimSpace(text), " ")
	period = defaultPeriod
	var err error
	if more {
		if period, err = strconv.ParseUint(strings.TrimSpace(rest), 10, 64); err != nil || period == 0 {
			return 0, 0, false
		}
	}
	if first == "max" {
		return 0, period, true
	}
	quota, err = strconv.ParseUint(first, 10, 64)
	return quota, period, err == nil && quota > 0 && quota < math.MaxUint64/second
}

func period(text string) (any, bool) {
	_, period, ok := cpuMax(text)
	return period, ok
}

// quota is rounded up: less than was asked for would be wrong, and of what is
// below a percent nothing would be left.
func quota(text string) (any, bool) {
	quota, period, ok := cpuMax(text)
	if !ok || quota == 0 {
		return infinity, ok
	}
	perSecond := quota * second / period
	return (perSecond + granule - 1) / granule * granule, true
}

// maxCPU bounds a list of processors or memory nodes.
const maxCPU = 1 << 16

// mask turns "0-2,7" to bits, the lowest byte first.
func mask(text string) (any, bool) {
	bits := []byte{}
	for part := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		if part == "" {
			continue
		}
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || first < 0 || last < first || last >= maxCPU {
			return nil, false // strides, for example, that systemd hasn't
		}
		for n := first; n <= last; n++ {
			for len(bits) <= n/8 {
				bits = append(bits, 0)
			}
			bits[n/8] |= 1 << (n % 8)
		}
	}
	return bits, true
}
