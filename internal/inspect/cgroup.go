package inspect

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// location are the rows of the cgroups themselves, one for each directory.
func location(s *specs.Spec, f *Found) (rows []Row) {
	asked := ""
	if s.Linux != nil {
		asked = s.Linux.CgroupsPath
	}
	if len(f.Location) == 0 {
		return []Row{{Subject: Cgroups, Name: "path", Asked: asked, Note: "it has none of its own"}}
	}
	keys := map[string][]string{} // of a directory
	for _, controller := range slices.Sorted(maps.Keys(f.Location)) {
		dir := f.Location[controller]
		if controller == "" {
			controller = "unified"
		}
		keys[dir] = append(keys[dir], controller)
	}
	for _, dir := range slices.SortedFunc(maps.Keys(keys), func(a, b string) int { return slices.Compare(keys[a], keys[b]) }) {
		row := Row{Subject: Cgroups, Name: "path of " + strings.Join(keys[dir], ","), Asked: asked, Found: dir}
		switch is := member(f.Membership, keys[dir][0]); {
		case is == "" || path.Base(is) == path.Base(dir):
		case strings.Contains(is, "/"+path.Base(dir)+"/"):
			row.Note = "its first process is below, in " + is
		default:
			row.Differs, row.Note = true, "its first process was moved to "+is
		}
		rows = append(rows, row)
	}
	return rows
}

// member is the cgroup that a text of /proc/PID/cgroup has for a controller, as seen from our own: the roots of mounts
// aren't known here. It is empty if it has none.
func member(text, controller string) string {
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		words := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(words) != 3 {
			continue
		}
		if words[1] == "" && controller == "unified" || slices.Contains(strings.Split(words[1], ","), controller) {
			return words[2]
		}
	}
	return ""
}

// cgroups are the rows of what is limited.
func cgroups(f *Found) (rows []Row) {
	for i := range f.Cgroups {
		c := &f.Cgroups[i]
		row := Row{Subject: Cgroups, Name: c.File, Asked: c.Value}
		later := slices.ContainsFunc(f.Cgroups[i+1:], func(l Cgroup) bool { return l.File == c.File && l.Field != c.Field && !l.Keyed() && !c.Keyed() })
		same := false
		if row.Found, same = c.Holds(c.Text, f.Page); c.Err != "" {
			row.Found = ""
		}
		switch {
		case later:
			row.Note = "another value for the same file comes later"
		case c.Err != "" && (c.Unlimited || c.Optional || c.Ignorable != ""):
			row.Note = "there is no such limit here"
		case c.Err != "":
			row.Differs, row.Note = true, c.Err
		case !same:
			row.Differs = true
		case row.Found != row.Asked:
			row.Note = "the same to the kernel"
		}
		rows = append(rows, row)
	}
	return rows
}
