package preview

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Section is a part of a preview as text.
type Section struct {
	Title string
	Lines []string
}

// Sections are a preview as text, without the parts that are empty.
func (p *Preview) Sections() []Section {
	list := []Section{
		{"warnings", slices.Clone(p.Warnings)},
		{"container", p.container()},
		{"namespaces", p.namespaces()},
		{"cgroup", p.Cgroup.lines()},
		{"mounts", p.mounts()},
		{"devices", p.devices()},
		{"hooks", p.hooks()},
		{"sysctls", writes(p.Sysctls)},
		{"seccomp", p.Seccomp.lines()},
		{"process", p.Process.lines()},
		{"settings", p.settings()},
		{"steps", slices.Clone(p.Steps)},
		{"system calls", p.calls()},
	}
	for _, s := range list {
		for i := range s.Lines {
			s.Lines[i] = line(s.Lines[i])
		}
	}
	return slices.DeleteFunc(list, func(s Section) bool { return len(s.Lines) == 0 })
}

// line is one as it is, or quoted as a whole if it has what would end it or go to a terminal: steps and what calls are for name things of
// the configuration in words of their own.
func line(s string) string {
	if strings.ContainsFunc(s, unfit) {
		return strconv.Quote(s)
	}
	return s
}

// unfit tells whether a rune is none for a line of text: a control character, one that can't be seen, or no rune at all.
func unfit(r rune) bool {
	return r < ' ' || r == 0x7f || r == 0xfffd || r >= 0x80 && !strconv.IsPrint(r)
}

// Text is a preview for people.
func (p *Preview) Text() string {
	var b strings.Builder
	for i, s := range p.Sections() {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s.Title + "\n")
		for _, l := range s.Lines {
			b.WriteString("  " + l + "\n")
		}
	}
	return b.String()
}

// words are a line of those that aren't empty.
func words(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), " ")
}

// quoted is a text of the configuration's, fit for a line.
func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, ` "`) || strings.ContainsFunc(s, unfit) {
		return strconv.Quote(s)
	}
	return s
}

func all(list []string) string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, quoted(s))
	}
	return strings.Join(out, " ")
}

// named is a word before a text that isn't empty.
func named(name, text string) string {
	if text == "" {
		return ""
	}
	return name + " " + text
}

func (p *Preview) container() []string {
	who := fmt.Sprintf("made by uid %d gid %d", p.Caller.UID, p.Caller.GID)
	if p.Caller.AsRoot {
		who = "made by root: the caller may not"
	}
	return []string{"id " + quoted(p.ID), "bundle " + quoted(p.Bundle), "root filesystem " + quoted(p.Rootfs), who}
}

func (p *Preview) namespaces() (lines []string) {
	for _, n := range p.Namespaces {
		path := n.Path
		if path != "" {
			path = quoted(path)
		}
		lines = append(lines, words(n.Type, n.How, path))
	}
	for _, m := range []struct {
		name string
		list []IDMapping
	}{{"uids", p.UIDMappings}, {"gids", p.GIDMappings}} {
		for _, m2 := range m.list {
			lines = append(lines, fmt.Sprintf("%s from %d on are the host's from %d on: %d", m.name, m2.Container, m2.Host, m2.Size))
		}
	}
	return lines
}

func (c *Cgroup) lines() []string {
	lines := []string{"layout " + c.Layout, "driver " + c.Driver}
	if c.Unit != "" {
		lines = append(lines, words("unit", quoted(c.Unit), named("in", c.Slice)))
	}
	for _, p := range c.Properties {
		lines = append(lines, "property "+p)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Directories)) {
		name := key
		if name == "" {
			name = "unified"
		}
		lines = append(lines, "directory "+name+" "+quoted(c.Directories[key]))
	}
	lines = append(lines, writes(c.Writes)...)
	if c.DeviceProgram > 0 {
		lines = append(lines, fmt.Sprintf("device program of %d instructions, %s", c.DeviceProgram, c.DeviceDigest))
	}
	for _, dir := range c.Resctrl {
		lines = append(lines, "resctrl group "+quoted(dir))
	}
	return lines
}

func writes(list []Write) (lines []string) {
	for i := range list {
		w := &list[i]
		missing := ""
		if w.Optional {
			missing = "(if there is such a file)"
		}
		lines = append(lines, words(quoted(w.File), "=", quoted(w.Value), missing))
	}
	return lines
}

func (p *Preview) mounts() (lines []string) {
	for i := range p.Mounts {
		lines = append(lines, p.Mounts[i].line())
	}
	return lines
}

func (m *Mount) line() string {
	what := m.How
	if m.Recursive && m.How != "new" {
		what = "r" + what
	}
	source := ""
	if m.Source != "" {
		source = "of " + quoted(m.Source)
	}
	if m.Resolved != "" {
		source += ", which is " + quoted(m.Resolved)
	}
	if m.Missing != "" {
		source += " (" + m.Missing + ")"
	}
	ids := ""
	if m.IDMap != nil {
		ids = "ids mapped"
		if m.IDMap.UID != "" {
			ids += " uids " + strconv.Quote(m.IDMap.UID) + " gids " + strconv.Quote(m.IDMap.GID)
		}
	}
	return words(quoted(m.Destination)+":", what, m.Type, source, named("flags", strings.Join(m.Flags, ",")), named("below", strings.Join(m.Below, ",")),
		named("propagation", strings.Join(m.Propagation, ",")), named("data", all(m.Data)), ids, named("then", m.Then))
}

func (p *Preview) devices() (lines []string) {
	for _, d := range p.Devices {
		bound := ""
		if d.Bound {
			bound = "the host's"
		}
		lines = append(lines, words(quoted(d.Path), d.Type, fmt.Sprintf("%d:%d mode %04o uid %d gid %d", d.Major, d.Minor, d.Mode, d.UID, d.GID), bound))
	}
	return lines
}

func (p *Preview) hooks() (lines []string) {
	for i := range p.Hooks {
		h := &p.Hooks[i]
		limit := ""
		if h.Timeout > 0 {
			limit = fmt.Sprintf("for %d s at most", h.Timeout)
		}
		lines = append(lines, words(h.Kind+":", quoted(h.Path), named("args", all(h.Args)), named("env", all(h.Env)), limit, "in the namespaces of the "+h.Where+",", h.When))
	}
	return lines
}

func (s *Seccomp) lines() []string {
	if s == nil {
		return nil
	}
	agent := ""
	if s.Notify {
		agent = "with an agent"
	}
	return []string{words(fmt.Sprintf("%d instructions, %s, flags %#x", s.Instructions, s.Digest, s.Flags), agent)}
}

func (p *Process) lines() []string {
	if p == nil {
		return nil
	}
	lines := []string{"args " + all(p.Args), "cwd " + quoted(p.Cwd), fmt.Sprintf("uid %d gid %d groups %v", p.UID, p.GID, p.Groups)}
	add := func(ok bool, format string, args ...any) {
		if ok {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	add(p.Terminal, "a terminal")
	for _, e := range p.Env {
		lines = append(lines, "env "+quoted(e))
	}
	if p.Umask != nil {
		add(true, "umask %04o", *p.Umask)
	}
	for _, set := range slices.Sorted(maps.Keys(p.Capabilities)) {
		add(true, "capabilities %s: %s", set, strings.Join(p.Capabilities[set], " "))
	}
	add(p.NoNewPrivileges, "no new privileges")
	for _, r := range p.Rlimits {
		add(true, "%s soft %d hard %d", r.Type, r.Soft, r.Hard)
	}
	if p.OOMScoreAdj != nil {
		add(true, "oom_score_adj %d", *p.OOMScoreAdj)
	}
	add(p.AppArmor != "", "apparmor %s", quoted(p.AppArmor))
	add(p.SELinux != "", "selinux %s", quoted(p.SELinux))
	return lines
}

func (p *Preview) calls() (lines []string) {
	for _, c := range p.SystemCalls {
		name := c.Call
		if c.Optional {
			name += ", or not"
		}
		lines = append(lines, name+": "+c.For)
	}
	return lines
}
