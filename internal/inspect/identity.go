package inspect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/spec"
)

// identity are the rows of ids, groups and umask.
func identity(s *specs.Spec, f *Found, st status) []Row {
	if st == nil {
		return unread(User, "")
	}
	uids, gids := parseIDMap(f.UIDMap), parseIDMap(f.GIDMap)
	uid := Row{Subject: User, Name: "uid", Found: ids(st["Uid"], uids)}
	gid := Row{Subject: User, Name: "gid", Found: ids(st["Gid"], gids)}
	umask := Row{Subject: User, Name: "umask", Found: st["Umask"]}
	if p := s.Process; p != nil {
		for _, r := range []struct {
			row     *Row
			id      uint32
			outside string
			m       idMap
		}{{&uid, p.User.UID, st["Uid"], uids}, {&gid, p.User.GID, st["Gid"], gids}} {
			r.row.Asked = strconv.Itoa(int(r.id))
			r.row.Differs = slices.ContainsFunc(strings.Fields(r.outside), func(id string) bool {
				in, ok := r.m.inside(id)
				return !ok || in != r.row.Asked
			})
		}
		mask := uint32(0o022)
		if p.User.Umask != nil {
			mask = *p.User.Umask
		}
		umask.Asked = fmt.Sprintf("%04o", mask)
		umask.Differs = umask.Found != "" && umask.Asked != umask.Found
	}
	return []Row{uid, gid, groups(s, f, st, gids), umask}
}

// ids are real, effective, saved and file system id as the container calls them, one for all if they are the same, and
// what the host calls it.
func ids(text string, m idMap) string {
	words := strings.Fields(text)
	var inside []string
	for _, id := range words {
		in, ok := m.inside(id)
		if !ok {
			in = "none"
		}
		inside = append(inside, in)
	}
	out, host := strings.Join(slices.Compact(slices.Clone(inside)), "/"), strings.Join(slices.Compact(words), "/")
	if out != host {
		out += " (host's " + host + ")"
	}
	return out
}

func groups(s *specs.Spec, f *Found, st status, gids idMap) Row {
	row := Row{Subject: User, Name: "groups"}
	var found []string
	for id := range strings.FieldsSeq(st["Groups"]) {
		in, ok := gids.inside(id)
		if !ok {
			in = "host's " + id
		}
		found = append(found, in)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	row.Found = strings.Join(found, " ")
	if s.Process == nil {
		return row
	}
	var asked []string
	for _, id := range s.Process.User.AdditionalGids {
		asked = append(asked, strconv.Itoa(int(id)))
	}
	slices.Sort(asked)
	asked = slices.Compact(asked)
	row.Asked = strings.Join(asked, " ")
	switch {
	case slices.Equal(asked, found):
	case spec.KeepsGroups(s):
		row.Note = "the caller's, by an annotation"
	case strings.TrimSpace(f.Setgroups) == "deny":
		row.Note = "the caller's, which a user namespace of one id can't give up"
	default:
		row.Differs = true
	}
	return row
}
