package inspect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/seccomp"
)

// rights are the five sets, in the order of the rows.
type rights struct{ bounding, effective, permitted, inheritable, ambient caps.Set }

// granted are the sets that a process has which sets those of a configuration, before its execve.
func granted(c *specs.LinuxCapabilities) (r rights) {
	get := func(names []string) caps.Set {
		set, _ := caps.FromNames(names)
		return set
	}
	r = rights{get(c.Bounding), get(c.Effective), get(c.Permitted), get(c.Inheritable), get(c.Ambient)}
	r.effective &= r.permitted
	r.ambient &= r.permitted & r.inheritable
	return r
}

// afterExec is what the execve of a program without capabilities of its own makes of them, see capabilities(7).
func (r rights) afterExec(root, noNewPrivs bool) (after rights, why string) {
	after = r
	if !root {
		after.permitted = r.ambient
		after.effective = r.ambient
		return after, "the execve of a user that isn't root keeps the ambient ones"
	}
	after.permitted = r.inheritable | r.bounding | r.ambient
	if noNewPrivs {
		after.permitted &= r.permitted
	}
	after.effective = after.permitted
	return after, "the execve of root makes it all of the bounding set"
}

func capabilities(s *specs.Spec, f *Found, st status) (rows []Row) {
	if st == nil {
		return unread(Capabilities, "")
	}
	var c specs.LinuxCapabilities
	if s.Process != nil && s.Process.Capabilities != nil {
		c = *s.Process.Capabilities
	}
	set := granted(&c)
	expected, why := set, ""
	switch {
	case s.Process == nil:
	case f.Started:
		expected, why = set.afterExec(s.Process.User.UID == 0, s.Process.NoNewPrivileges)
	case filtered(s) && !s.Process.NoNewPrivileges: // the kernel's condition for who may install one
		expected.effective |= 1 << unix.CAP_SYS_ADMIN
		expected.permitted |= 1 << unix.CAP_SYS_ADMIN
		why = "it keeps CAP_SYS_ADMIN until it has its seccomp filter"
	}
	for _, k := range [...]struct {
		name, key     string
		asked         []string
		set, expected caps.Set
	}{
		{"bounding", "CapBnd", c.Bounding, set.bounding, expected.bounding},
		{"effective", "CapEff", c.Effective, set.effective, expected.effective},
		{"permitted", "CapPrm", c.Permitted, set.permitted, expected.permitted},
		{"inheritable", "CapInh", c.Inheritable, set.inheritable, expected.inheritable},
		{"ambient", "CapAmb", c.Ambient, set.ambient, expected.ambient},
	} {
		found := st.set(k.key)
		row := Row{Subject: Capabilities, Name: k.name, Found: names(found)}
		if s.Process != nil {
			wanted, unknown := caps.FromNames(k.asked)
			row.Asked = strings.TrimSpace(names(wanted) + " " + strings.Join(unknown, " "))
			row.Differs = found != k.expected || len(unknown) > 0 || k.set != wanted
			if !row.Differs && k.expected != k.set {
				row.Note = why
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// names of a set; those that have none have their numbers.
func names(set caps.Set) string {
	list := set.Names()
	for bit := caps.Last + 1; bit < 64; bit++ {
		if set.Has(bit) {
			list = append(list, "CAP_"+strconv.Itoa(bit))
		}
	}
	return strings.Join(list, " ")
}

type resource struct{ name, line string }

// resources are the limits in the order of the rows, with their names in /proc/PID/limits.
var resources = [...]resource{
	{"RLIMIT_AS", "Max address space"},
	{"RLIMIT_CORE", "Max core file size"},
	{"RLIMIT_CPU", "Max cpu time"},
	{"RLIMIT_DATA", "Max data size"},
	{"RLIMIT_FSIZE", "Max file size"},
	{"RLIMIT_LOCKS", "Max file locks"},
	{"RLIMIT_MEMLOCK", "Max locked memory"},
	{"RLIMIT_MSGQUEUE", "Max msgqueue size"},
	{"RLIMIT_NICE", "Max nice priority"},
	{"RLIMIT_NOFILE", "Max open files"},
	{"RLIMIT_NPROC", "Max processes"},
	{"RLIMIT_RSS", "Max resident set"},
	{"RLIMIT_RTPRIO", "Max realtime priority"},
	{"RLIMIT_RTTIME", "Max realtime timeout"},
	{"RLIMIT_SIGPENDING", "Max pending signals"},
	{"RLIMIT_STACK", "Max stack size"},
}

func limits(s *specs.Spec, f *Found) (rows []Row) {
	if f.Limits == "" {
		return unread(Limits, "")
	}
	for _, r := range resources {
		row := Row{Subject: Limits, Name: r.name, Found: limit(f.Limits, r.line)}
		if s.Process != nil {
			if at := slices.IndexFunc(s.Process.Rlimits, func(l specs.POSIXRlimit) bool { return l.Type == r.name }); at >= 0 {
				row.Asked = bounds(s.Process.Rlimits[at])
				row.Differs = row.Asked != row.Found
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// HasLimit tells whether a process with a text of /proc/PID/limits has a limit.
func HasLimit(text string, l specs.POSIXRlimit) bool {
	return slices.ContainsFunc(resources[:], func(r resource) bool { return r.name == l.Type && limit(text, r.line) == bounds(l) })
}

// limit is what a text of /proc/PID/limits has in a line, soft and hard.
func limit(text, name string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if words := strings.Fields(rest); len(words) >= 2 {
				return words[0] + ":" + words[1]
			}
		}
	}
	return ""
}

func bounds(l specs.POSIXRlimit) string { return bound(l.Soft) + ":" + bound(l.Hard) }

func bound(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

func security(s *specs.Spec, f *Found, st status) []Row {
	if st == nil {
		return unread(Security, "")
	}
	nnp := Row{Subject: Security, Name: "no_new_privs", Found: strconv.FormatBool(st["NoNewPrivs"] == "1")}
	if s.Process != nil {
		nnp.Asked = strconv.FormatBool(s.Process.NoNewPrivileges)
		nnp.Differs = nnp.Asked != nnp.Found
	}
	rows := []Row{nnp, filter(s, f, st)}
	for _, l := range [...]struct{ name, asked, found string }{
		{"apparmor", profile(s), f.AppArmor},
		{"selinux", label(s), f.SELinux},
	} {
		row := Row{Subject: Security, Name: l.name, Asked: l.asked, Found: l.found}
		found, _, _ := strings.Cut(l.found, " (") // AppArmor's mode
		switch {
		case l.asked == "" || l.asked == found || l.asked == l.found:
		case !f.Started:
			row.Note = "comes with the execve"
		default:
			row.Differs = true
		}
		if l.asked != "" || l.found != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// filtered tells whether a configuration has a seccomp profile.
func filtered(s *specs.Spec) bool { return s.Linux != nil && seccomp.Wanted(s.Linux.Seccomp) }

// filter is the row of seccomp.
func filter(s *specs.Spec, f *Found, st status) Row {
	row := Row{Subject: Security, Name: "seccomp", Found: map[string]string{"0": "disabled", "1": "strict", "2": "filter"}[st["Seccomp"]]}
	if n := st["Seccomp_filters"]; row.Found == "filter" && n != "" && n != "1" {
		row.Note = n + " filters"
	}
	wanted := filtered(s)
	if wanted {
		row.Asked = "filter"
	}
	switch {
	case wanted == (row.Found == "filter"):
	case wanted && !f.Started:
		row.Note = "comes before the execve"
	case f.Filtered:
		row.Note = "the caller's"
	default:
		row.Differs = true
	}
	return row
}

func profile(s *specs.Spec) string {
	if s.Process == nil {
		return ""
	}
	return s.Process.ApparmorProfile
}

func label(s *specs.Spec) string {
	if s.Process == nil {
		return ""
	}
	return s.Process.SelinuxLabel
}
