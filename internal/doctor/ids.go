package doctor

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/plan"
)

// ids is what is known of maps of ids.
type ids struct {
	uids, gids []specs.LinuxIDMapping // that were tried
	asked      bool                   // by a bundle, which needs no more
	err        error                  // of that
	name       string                 // our user's, "" if he has none
	sub        [2]string              // ranges of /etc/subuid and /etc/subgid, in words
}

// manyIDs is what a container with many ids has.
const manyIDs = 65536

// lookAtIDs tries the bundle's maps or, where there are none, the largest that such a caller has.
func lookAtIDs(c *caller, w *wants) (i ids) {
	i.name = userName(c.uid)
	var ranges [2]specs.LinuxIDMapping
	for n, file := range [2]string{"/etc/subuid", "/etc/subgid"} {
		text, err := os.ReadFile(file)
		if err == nil {
			ranges[n] = largest(string(text), i.name, c.uid)
		}
		if ranges[n].Size > 0 {
			i.sub[n] = fmt.Sprintf("%d ids from %d", ranges[n].Size, ranges[n].HostID)
		}
	}
	i.uids, i.gids, i.asked = w.uids, w.gids, len(w.uids) > 0
	if !i.asked {
		i.uids, i.gids = usual(c, c.uid, unix.CAP_SETUID, "uid_map", ranges[0]), usual(c, c.gid, unix.CAP_SETGID, "gid_map", ranges[1])
	}
	fd, err := idmap.Namespace(mapsFor(c, i.uids, i.gids))
	if i.err = err; err == nil {
		unix.Close(fd)
	}
	return i
}

// mapsFor are maps, to be written as such a caller can.
func mapsFor(c *caller, uids, gids []specs.LinuxIDMapping) *idmap.Maps {
	m := &idmap.Maps{UID: plan.IDMap(uids), GID: plan.IDMap(gids), Field: "linux"}
	host := plan.Host{UID: c.uid, GID: c.gid, Permitted: c.permitted}
	m.UIDHelper, m.GIDHelper, m.DenyGroups = host.MapWriters(uids, gids)
	return m
}

// usual are the maps that engines ask for: many ids beside one's own, or many of those that are one's own.
func usual(c *caller, id, right int, file string, sub specs.LinuxIDMapping) []specs.LinuxIDMapping {
	if c.permitted.Has(right) {
		text, _ := os.ReadFile("/proc/self/" + file)
		return []specs.LinuxIDMapping{{Size: min(manyIDs, mapped(string(text)))}}
	}
	list := []specs.LinuxIDMapping{{HostID: uint32(id), Size: 1}}
	if sub.Size > 0 {
		list = append(list, specs.LinuxIDMapping{ContainerID: 1, HostID: sub.HostID, Size: sub.Size})
	}
	return list
}

// mapped is how many ids from 0 on a map has.
func mapped(text string) uint32 {
	var inside, outside, size uint32
	for line := range strings.Lines(text) {
		if n, _ := fmt.Sscan(line, &inside, &outside, &size); n == 3 && inside == 0 {
			return size
		}
	}
	return 1
}

// largest is the largest range that a file like /etc/subuid gives to a user.
func largest(text, name string, uid int) (best specs.LinuxIDMapping) {
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != strconv.Itoa(uid) && (name == "" || f[0] != name) {
			continue
		}
		begin, err := strconv.ParseUint(f[1], 10, 32)
		size, serr := strconv.ParseUint(f[2], 10, 32)
		if err == nil && serr == nil && uint32(size) > best.Size {
			best.HostID, best.Size = uint32(begin), uint32(size)
		}
	}
	return best
}

// userName is a user's in /etc/passwd, "" if he isn't there.
func userName(uid int) string {
	return idmap.Name(readText("/etc/passwd"), uid)
}

func (i *ids) judge(c *caller) []Check {
	n := uint32(0)
	for _, m := range i.uids {
		n += m.Size
	}
	check := Check{Name: "id.maps", Status: OK, Need: Usual, Found: fmt.Sprintf("%d ids can be mapped", n)}
	switch {
	case i.err != nil:
		check.Status, check.Found = Missing, first(i.err.Error())
		check.Fails, check.Mend = "containers with these maps in a user namespace", i.mend(c)
	case n == 1 && c.uid != 0 && i.sub[0] == "" && !i.asked:
		check.Status, check.Found = Degraded, "one's own id can be mapped, and no other"
		check.Fails, check.Mend = "containers with more than one user", i.mend(c)
	}
	if c.permitted.Has(unix.CAP_SETUID) && c.permitted.Has(unix.CAP_SETGID) {
		return []Check{check}
	}
	list := []Check{check}
	for n, file := range [2]string{"subuid", "subgid"} {
		sub := Check{Name: "id." + file, Status: OK, Need: Usual, Found: i.sub[n]}
		if i.sub[n] == "" {
			sub.Status, sub.Found = Missing, "/etc/"+file+" has no range for us"
			sub.Fails, sub.Mend = "containers with more than one id", i.mend(c)
		}
		list = append(list, sub)
	}
	return list
}

func (i *ids) mend(c *caller) string {
	switch {
	case c.uid == 0 || c.permitted.Has(unix.CAP_SETUID):
		return "start rung with CAP_SETUID, CAP_SETGID and CAP_SETFCAP, and map ids that we have"
	case i.sub[0] == "" || i.sub[1] == "":
		return "give him a range: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + cmp.Or(i.name, "NAME")
	}
	return "install newuidmap and newgidmap (package uidmap or shadow), setuid root or with CAP_SETUID and CAP_SETGID, and map ids of /etc/subuid and /etc/subgid"
}
