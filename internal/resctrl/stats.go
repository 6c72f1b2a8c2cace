package resctrl

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Stats are what a class of service has and, of its monitoring group or else of
// the class, what it uses. What a machine doesn't have is empty.
type Stats struct {
	Cache     *CacheInfo
	Bandwidth *BandwidthInfo

	RootCache, RootBandwidth string   // schemas of the default class
	ClassCache               string   // the L3 line of the container's class
	ClassBandwidth           string   // its MB line
	Schemata                 []string // all its lines

	Domains []Domain // what is in use, by L3 cache
}

// CacheInfo is what info/L3 says.
type CacheInfo struct {
	Mask            string // hexadecimal
	MinBits, Closes uint64 // shortest mask in bits; classes that there can be
}

// BandwidthInfo is what info/MB says, in percent or MB/s.
type BandwidthInfo struct {
	Granularity, Linear, Min, Closes uint64
}

// A Domain is the use of one L3 cache, in bytes; nil where the machine can't tell.
type Domain struct {
	TotalBytes, LocalBytes *uint64 // of memory, since the group exists
	Occupancy              *uint64 // of the cache, now
}

// Stats reads the group's.
func (g *Group) Stats(root string) (*Stats, error) {
	s := &Stats{}
	info := func(file string) uint64 { return number(filepath.Join(root, "info", file)) }
	if mask, err := readLine(filepath.Join(root, "info/L3/cbm_mask")); err == nil {
		s.Cache = &CacheInfo{Mask: mask, MinBits: info("L3/min_cbm_bits"), Closes: info("L3/num_closids")}
	}
	if _, err := os.Stat(filepath.Join(root, "info/MB")); err == nil {
		s.Bandwidth = &BandwidthInfo{info("MB/bandwidth_gran"), info("MB/delay_linear"), info("MB/min_bandwidth"), info("MB/num_closids")}
	}
	top, err := schemata(root)
	if err != nil {
		return nil, err
	}
	if s.Schemata, err = schemata(g.Class); err != nil {
		return nil, err
	}
	s.RootCache, s.RootBandwidth = line(top, "L3:"), line(top, "MB:")
	s.ClassCache, s.ClassBandwidth = line(s.Schemata, "L3:"), line(s.Schemata, "MB:")
	if g.Monitor != "" {
		s.Domains, err = domains(g.Monitor)
	}
	return s, err
}

// schemata are the lines of a class, without what the kernel pads them with.
func schemata(dir string) (lines []string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "schemata"))
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines, err
}

func line(lines []string, prefix string) string {
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) })
	if i < 0 {
		return ""
	}
	return lines[i]
}

// domains reads mon_data of a monitoring group.
func domains(dir string) (list []Domain, err error) {
	dirs, err := filepath.Glob(filepath.Join(dir, "mon_data", "mon_L3_*"))
	for _, d := range dirs { // sorted
		list = append(list, Domain{
			TotalBytes: counter(filepath.Join(d, "mbm_total_bytes")), LocalBytes: counter(filepath.Join(d, "mbm_local_bytes")),
			Occupancy: counter(filepath.Join(d, "llc_occupancy")),
		})
	}
	return list, err
}

// counter is nil where there is none, or the hardware has no value ("Unavailable").
func counter(path string) *uint64 {
	text, err := readLine(path)
	if err != nil {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

func number(path string) uint64 {
	if n := counter(path); n != nil {
		return *n
	}
	return 0
}

func readLine(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}
