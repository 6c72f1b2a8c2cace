package inspect

import (
	"cmp"
	"maps"
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
	keys, is := map[string][]string{}, map[string]string{} // of a directory, and where the init is
	for _, controller := range slices.Sorted(maps.Keys(f.Location)) {
		dir := f.Location[controller]
		keys[dir] = append(keys[dir], cmp.Or(controller, "unified"))
		is[dir] = f.Within[controller]
	}
	for _, dir := range slices.SortedFunc(maps.Keys(keys), func(a, b string) int { return slices.Compare(keys[a], keys[b]) }) {
		row := Row{Subject: Cgroups, Name: "path of " + strings.Join(keys[dir], ","), Asked: asked, Found: dir}
		switch is := is[dir]; {
		case is == "" || is == dir:
		case strings.HasPrefix(is, dir+"/"):
			row.Note = "its first process is below, in " + is
		default:
			row.Differs, row.Note = true, "its first process was moved to "+is
		}
		rows = append(rows, row)
	}
	return rows
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
