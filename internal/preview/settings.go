package preview

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Setting is a value of the configuration that no other part of the preview tells: the calls and steps that it leads to are the same
// whatever it is.
type Setting struct {
	Field string `json:"field"`
	Value string `json:"value"` // words; of several parts "name=value name=value", without those that aren't set
}

// settings are in the order of their fields in the specification.
func settings(s *specs.Spec) []Setting {
	l := settingList{}
	if s.Process != nil {
		l.process(s.Process)
	}
	if s.Linux != nil {
		l.linux(s.Linux)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
		l.add("annotations["+strconv.Quote(key)+"]", s.Annotations[key])
	}
	return l
}

type settingList []Setting

func (l *settingList) add(field, value string) { *l = append(*l, Setting{field, value}) }

func (l *settingList) process(p *specs.Process) {
	if b := p.ConsoleSize; b != nil {
		l.add("process.consoleSize", parts("height", b.Height, "width", b.Width))
	}
	if s := p.Scheduler; s != nil {
		l.add("process.scheduler", parts("policy", s.Policy, "nice", s.Nice, "priority", s.Priority, "flags", joined(s.Flags),
			"runtime", s.Runtime, "deadline", s.Deadline, "period", s.Period))
	}
	if p.IOPriority != nil {
		l.add("process.ioPriority", parts("class", p.IOPriority.Class, "priority", p.IOPriority.Priority))
	}
	if a := p.ExecCPUAffinity; a != nil {
		l.add("process.execCPUAffinity", parts("initial", a.Initial, "final", a.Final))
	}
}

func (l *settingList) linux(c *specs.Linux) {
	for _, clock := range slices.Sorted(maps.Keys(c.TimeOffsets)) {
		o := c.TimeOffsets[clock]
		l.add("linux.timeOffsets["+strconv.Quote(clock)+"]", parts("secs", o.Secs, "nanosecs", o.Nanosecs))
	}
	for _, host := range slices.Sorted(maps.Keys(c.NetDevices)) {
		l.add("linux.netDevices["+strconv.Quote(host)+"]", parts("name", c.NetDevices[host].Name))
	}
	if r := c.IntelRdt; r != nil {
		l.add("linux.intelRdt", parts("closID", r.ClosID, "schemata", strings.Join(r.Schemata, ","), "l3CacheSchema", r.L3CacheSchema,
			"memBwSchema", r.MemBwSchema, "enableMonitoring", r.EnableMonitoring))
	}
	if m := c.MemoryPolicy; m != nil {
		l.add("linux.memoryPolicy", parts("mode", m.Mode, "nodes", m.Nodes, "flags", joined(m.Flags)))
	}
	if p := c.Personality; p != nil {
		l.add("linux.personality", parts("domain", p.Domain, "flags", joined(p.Flags)))
	}
	if c.RootfsPropagation != "" {
		l.add("linux.rootfsPropagation", c.RootfsPropagation)
	}
	if s := c.Seccomp; s != nil && s.ListenerPath != "" {
		l.add("linux.seccomp.listenerPath", s.ListenerPath)
		l.add("linux.seccomp.listenerMetadata", s.ListenerMetadata)
	}
}

// parts are names with their values, without those that are as if they weren't there.
func parts(pairs ...any) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		if text := fmt.Sprint(pairs[i+1]); text != "" && text != "0" && text != "false" {
			list = append(list, fmt.Sprintf("%v=%s", pairs[i], quoted(text)))
		}
	}
	return strings.Join(list, " ")
}

func joined[T ~string](list []T) string {
	words := make([]string, 0, len(list))
	for _, w := range list {
		words = append(words, string(w))
	}
	return strings.Join(words, ",")
}

func (p *Preview) settings() (lines []string) {
	for i := range p.Settings {
		s := &p.Settings[i]
		value := s.Value
		if value == "" || strings.ContainsFunc(value, unfit) {
			value = strconv.Quote(value)
		}
		lines = append(lines, s.Field+" = "+value)
	}
	return lines
}
