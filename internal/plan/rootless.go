package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
)

// rootless plans what depends on the caller's own rights: who writes the id
// maps, and for how long the first process has to be open to us.
func (p *planner) rootless() error {
	o, h := &p.Orders, p.host
	o.UIDMap, o.GIDMap = p.ns.maps(p.spec)
	if o.UIDMap != "" {
		o.UIDHelper, o.GIDHelper, o.DenyGroups = h.MapWriters(p.spec.Linux.UIDMappings, p.spec.Linux.GIDMappings)
	}
	if proc := p.spec.Process; proc != nil {
		if o.DenyGroups && len(proc.User.AdditionalGids) > 0 {
			return &spec.FieldError{
				Path: "process.user.additionalGids",
				Msg:  "cannot set any additional groups in a rootless container with a single group: map more by /etc/subgid",
			}
		}
		if h.NoInspector && proc.OOMScoreAdj != nil {
			o.OOMScore = strconv.Itoa(*proc.OOMScoreAdj)
		}
	}
	o.Dumpable = h.NoInspector
	o.Gate = o.UIDMap != "" || o.Dumpable && !o.exec
	return nil
}

// MapWriters tells whether newuidmap(1) and newgidmap(1) have to write id maps, and whether setgroups(2) is denied before.
func (h *Host) MapWriters(uids, gids []specs.LinuxIDMapping) (uidHelper, gidHelper, denyGroups bool) {
	uidHelper = !h.Permitted.Has(unix.CAP_SETUID) && !ownOnly(uids, h.UID)
	gidHelper = !h.Permitted.Has(unix.CAP_SETGID) && !ownOnly(gids, h.GID)
	return uidHelper, gidHelper, !h.Permitted.Has(unix.CAP_SETGID) && !gidHelper
}

// ownOnly tells whether a map has one id and that is the caller's: the only one
// that an ordinary user may write.
func ownOnly(list []specs.LinuxIDMapping, id int) bool {
	return len(list) == 1 && list[0].Size == 1 && list[0].HostID == uint32(id)
}

// inspected tells whether createContainer hooks make the runtime look at the
// first process once more after its maps are written.
func (p *planner) inspected() bool {
	return p.spec.Hooks != nil && len(p.spec.Hooks.CreateContainer) > 0 && p.ns.hookedLate() != 0
}

// hide makes the process as closed as all others are from their birth.
func (p *planner) hide(now bool) {
	if p.Orders.Dumpable && now {
		p.t.Call("become undumpable", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_DUMPABLE), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
}

// show lets the caller look into the waiting process, and join it, for startContainer
// hooks and for exec. By now it has no more rights and descriptors than the user's program
// will have, which is dumpable too.
func (p *planner) show() {
	if p.Orders.Dumpable {
		p.t.Call("become dumpable", unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_DUMPABLE), nsenter.Int(1), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
}

// rootlessText prints what rootless has planned, nothing for a privileged
// caller.
func rootlessText(o *Orders) string {
	var b strings.Builder
	for _, f := range []struct {
		set  bool
		text string
	}{
		{o.UIDHelper, "newuidmap writes uids"},
		{o.GIDHelper, "newgidmap writes gids"},
		{o.DenyGroups, "setgroups is denied"},
		{o.Dumpable, "dumpable until its maps are written"},
		{o.OOMScore != "", "before it is hidden: oom_score_adj " + o.OOMScore},
		{len(o.Within) > 0, fmt.Sprintf("the runtime makes %d mount sources in the container's mount namespace", len(o.Within))},
		{len(o.Make) > 0, fmt.Sprintf("the first process makes %d mount sources", len(o.Make))},
	} {
		if f.set {
			b.WriteString(f.text + "\n")
		}
	}
	return b.String()
}
