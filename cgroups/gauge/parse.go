package gauge

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// unified are the files of cgroup v2.
var unified = []file{
	{"cpu.stat", "cpuacct", func(u *Usage, text []byte) {
		each(text, func(key, value []byte) {
			switch string(key) {
			case "usage_usec":
				u.CPU = scaled(value, 1000)
			case "nr_periods":
				u.Periods = number(value)
			case "nr_throttled":
				u.Throttled = number(value)
			case "throttled_usec":
				u.ThrottledTime = scaled(value, 1000)
			}
		})
	}},
	{"memory.current", "memory", func(u *Usage, text []byte) { u.Memory = number(text) }},
	{"memory.high", "memory", func(u *Usage, text []byte) { u.High = number(text) }},
	{"memory.max", "memory", func(u *Usage, text []byte) { u.Max = number(text) }},
	{"memory.swap.current", "memory", func(u *Usage, text []byte) { u.Swap = number(text) }},
	{"memory.events", "memory", func(u *Usage, text []byte) { u.OOMKills = keyed(text, "oom_kill", u.OOMKills) }},
	{"pids.current", "pids", func(u *Usage, text []byte) { u.Pids = number(text) }},
	{"pids.max", "pids", func(u *Usage, text []byte) { u.PidsMax = number(text) }},
	{"io.stat", "io", func(u *Usage, text []byte) { u.Read, u.Written = devices(text) }},
	{"cpu.pressure", "", func(u *Usage, text []byte) { u.Pressure[CPU] = pressure(text) }},
	{"memory.pressure", "", func(u *Usage, text []byte) { u.Pressure[Memory] = pressure(text) }},
	{"io.pressure", "", func(u *Usage, text []byte) { u.Pressure[IO] = pressure(text) }},
	{"cgroup.events", "", func(u *Usage, text []byte) { u.Frozen = keyed(text, "frozen", Number{}).Value == 1 }},
}

// legacy are the files of a controller of cgroup v1, nil if it has none that is shown.
func legacy(controller string) []file {
	switch controller {
	case "cpuacct":
		return []file{{"cpuacct.usage", "", func(u *Usage, text []byte) { u.CPU = number(text) }}}
	case "cpu":
		return []file{{"cpu.stat", "", func(u *Usage, text []byte) {
			u.Periods, u.Throttled = keyed(text, "nr_periods", u.Periods), keyed(text, "nr_throttled", u.Throttled)
			u.ThrottledTime = keyed(text, "throttled_time", u.ThrottledTime)
		}}}
	case "memory":
		return []file{
			{"memory.usage_in_bytes", "", func(u *Usage, text []byte) { u.Memory = number(text) }},
			{"memory.limit_in_bytes", "", func(u *Usage, text []byte) { u.Max = limit(number(text)) }},
			{"memory.memsw.usage_in_bytes", "", func(u *Usage, text []byte) { u.Swap = beside(number(text), u.Memory) }},
			{"memory.oom_control", "", func(u *Usage, text []byte) { u.OOMKills = keyed(text, "oom_kill", u.OOMKills) }},
		}
	case "pids":
		return []file{
			{"pids.current", "", func(u *Usage, text []byte) { u.Pids = number(text) }},
			{"pids.max", "", func(u *Usage, text []byte) { u.PidsMax = number(text) }},
		}
	case "blkio":
		return []file{{"blkio.throttle.io_service_bytes_recursive", "", func(u *Usage, text []byte) { u.Read, u.Written = operations(text) }}}
	case "freezer":
		return []file{{"freezer.state", "", func(u *Usage, text []byte) { u.Frozen = string(bytes.TrimSpace(text)) == "FROZEN" }}}
	}
	return nil
}

// number is that of a file or a field; not known if it is "max".
func number(text []byte) Number {
	n, ok := parse(bytes.TrimSuffix(text, []byte("\n")))
	return Number{n, ok}
}

// parse reads digits. What strconv wants as a string isn't kept.
func parse(text []byte) (uint64, bool) {
	n, err := strconv.ParseUint(unsafe.String(unsafe.SliceData(text), len(text)), 10, 64)
	return n, err == nil
}

func scaled(text []byte, by uint64) Number {
	n := number(text)
	n.Value *= by
	return n
}

// limit is a limit of v1, where there is none from somewhere near 2⁶³ on.
func limit(n Number) Number {
	if n.Value > math.MaxInt64-1<<20 {
		return Number{}
	}
	return n
}

// beside is what of memory and swap together isn't memory. The two are read one after the other.
func beside(both, memory Number) Number {
	if !both.Known || !memory.Known {
		return Number{}
	}
	return Number{both.Value - min(both.Value, memory.Value), true}
}

// each calls f for each line of a key and a value.
func each(text []byte, f func(key, value []byte)) {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if key, value, ok := bytes.Cut(line, []byte(" ")); ok {
			f(key, value)
		}
		text = rest
	}
}

// keyed is the value of a key, or otherwise what it was.
func keyed(text []byte, want string, otherwise Number) Number {
	each(text, func(key, value []byte) {
		if string(key) == want {
			otherwise = number(value)
		}
	})
	return otherwise
}

// devices sums up lines such as "8:0 rbytes=4096 wbytes=0 rios=1". Without devices, nothing was read.
func devices(text []byte) (read, written Number) {
	read.Known, written.Known = true, true
	for field := range bytes.FieldsSeq(text) {
		key, value, _ := bytes.Cut(field, []byte("="))
		n, _ := parse(value)
		switch string(key) {
		case "rbytes":
			read.Value += n
		case "wbytes":
			written.Value += n
		}
	}
	return read, written
}

// operations sums up lines such as "8:0 Read 4096".
func operations(text []byte) (read, written Number) {
	read.Known, written.Known = true, true
	each(text, func(_, rest []byte) {
		op, value, _ := bytes.Cut(rest, []byte(" "))
		n, _ := parse(value)
		switch string(op) {
		case "Read":
			read.Value += n
		case "Write":
			written.Value += n
		}
	})
	return read, written
}

// pressure reads lines such as "some avg10=1.50 avg60=0.00 avg300=0.00 total=0".
func pressure(text []byte) (p Pressure) {
	each(text, func(kind, rest []byte) {
		first, _, _ := bytes.Cut(rest, []byte(" "))
		value, ok := bytes.CutPrefix(first, []byte("avg10="))
		share, err := strconv.ParseFloat(string(value), 64)
		if !ok || err != nil {
			return
		}
		switch string(kind) {
		case "some":
			p.Some, p.Known = share, true
		case "full":
			p.Full = share
		}
	})
	return p
}
