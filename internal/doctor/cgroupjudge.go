package doctor

import (
	"errors"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/choose"
)

// controllers are those of which there is always a check, with the need for them where there is no bundle.
var controllers = []struct {
	name string
	need Need
}{
	{"cpu", Usual}, {"cpuset", Usual}, {"io", Optional}, {"memory", Usual}, {"pids", Usual}, {"hugetlb", Optional}, {"rdma", Optional},
}

func (c *cgroup) judge(who *caller, w *wants) []Check {
	layout := Check{Name: "cgroup.layout", always: !w.withoutCgroup(), Status: OK, Need: Required, Found: c.layout.Mode.String()}
	switch {
	case c.err != nil:
		layout.Status, layout.Found, layout.Fails = Missing, c.err.Error(), "every container"
		layout.Mend = "mount cgroup2 on /sys/fs/cgroup"
	case c.layout.Mode == cgroups.None:
		layout.Status, layout.Found, layout.Fails = Missing, "no cgroup is mounted", "every container but with --cgroup-manager disabled"
		layout.Mend = "mount cgroup2 on /sys/fs/cgroup, or use --cgroup-manager disabled"
	}
	list := []Check{layout, c.place(who, w)}
	if p := c.of(""); p != nil && p.unified != nil {
		list = append(list, p.unified.judgeBirth(c.layout.Mode, w))
	}
	list = append(list, c.freezer())
	if who.hostRoot() {
		list = append(list, c.deviceRules(w))
	}
	list = append(list, c.limits(w)...)
	if c.values == nil {
		return list
	}
	refused := Check{Name: "cgroup.values", Status: Missing, Need: Required, Found: c.values.Error(), Fails: "the bundle", Mend: "ask for what the kernel takes there"}
	w.field(refused.Name, "linux.resources")
	if failed, ok := errors.AsType[*cgfile.WriteError](c.values); ok {
		w.fields[refused.Name] = failed.Field
		refused.Found = strings.TrimPrefix(refused.Found, failed.Field+": ")
	}
	return append(list, refused)
}

// place is whether cgroups can be made at all.
func (c *cgroup) place(who *caller, w *wants) Check {
	check := Check{Name: "cgroup.place", always: !w.withoutCgroup(), Status: OK, Need: Required}
	bad := 0
	for _, p := range c.places {
		switch {
		case p.err != nil && bad == 0:
			check.Found = p.err.Error()
			bad++
		case p.err != nil:
			bad++
		case check.Found == "":
			check.Found = p.dir
		}
	}
	if field := w.limitsCgroups(c.layout); field != "" && w.withoutCgroup() {
		p := c.of("")
		if w.noCgroup || p == nil || p.err != nil {
			check.Status, check.Fails = Missing, field+": it takes a cgroup of the container's own"
			check.Mend = "start rung in a cgroup that is delegated to you, without --cgroup-manager disabled, or leave the limit out"
			w.field(check.Name, "%s", field)
			return check
		}
	}
	if bad == 0 && len(c.places) > 0 && c.placed == nil {
		return check
	}
	check.Status, check.Fails = Missing, "every container, but with --cgroup-manager disabled"
	if w.withoutCgroup() {
		check.Status, check.Need, check.Fails = Degraded, Usual, "limits, pause, and delete of what an init leaves behind: containers have no cgroup of their own there"
	}
	check.Mend = "mount it writable, and start rung in a cgroup that it may make others in"
	if c.placed != nil {
		check.Found, check.Fails, check.Mend = c.placed.Error(), "the bundle", "change linux.cgroupsPath, or leave it out"
		return check
	}
	if who.uid != 0 {
		check.Mend = "start rung in a cgroup that is delegated to you (systemd-run --user --scope --property Delegate=yes), or use --systemd-cgroup"
	}
	return check
}

// limitsCgroups names a field that limits the cgroups below the container's, for which no controller is needed; "" if there is none.
func (w *wants) limitsCgroups(l *cgroups.Layout) string {
	if w.resources == nil {
		return ""
	}
	own := map[string]string{}
	for key, value := range w.resources.Unified {
		if strings.HasPrefix(key, "cgroup.") {
			own[key] = value
		}
	}
	return choose.Limited(l, &specs.LinuxResources{Unified: own})
}

// judgeBirth is whether a process can be born in a v2 cgroup.
func (u *unified) judgeBirth(mode cgroups.Mode, w *wants) Check {
	check := Check{Name: "cgroup.birth", always: !w.withoutCgroup(), Status: OK, Need: Required}
	switch {
	case u.kind == "threaded" || u.kind == "domain invalid":
		check.Status, check.Found = Missing, "the cgroup is "+u.kind+": one above it is threaded"
		check.Mend = "start rung elsewhere, or name another linux.cgroupsPath"
	case u.born.err != nil:
		check.Status, check.Found = Missing, u.born.String()
		check.Mend = "processes must be allowed from our own cgroup to that one: a delegated cgroup has to have both below it"
	case !u.kill && mode == cgroups.Unified:
		check.Status, check.Found = Degraded, "there is no cgroup.kill"
		check.Fails, check.Mend = "kill and delete are slower, process by process", "install Linux 5.14 or later"
		return check
	}
	if check.Status != OK {
		check.Fails = "containers with a cgroup of their own"
	}
	return check
}

func (c *cgroup) freezer() Check {
	check := Check{Name: "cgroup.freezer", Status: OK, Need: Usual}
	v1, v2 := c.of("freezer"), c.of("")
	switch {
	case v1 != nil && v1.err == nil:
		check.Found = "v1, " + v1.dir
	case v2 != nil && v2.unified != nil && v2.unified.freeze:
		check.Found = "v2, " + v2.dir
	default:
		check.Status, check.Found = Missing, "no cgroup that can be frozen can be made"
		check.Fails, check.Mend = "pause and resume", "mount cgroup2, or the freezer of cgroup v1; see cgroup.place"
	}
	return check
}

func (c *cgroup) deviceRules(w *wants) Check {
	check := Check{Name: "cgroup.devices", always: !w.withoutCgroup(), Status: OK, Need: Required}
	v1, v2 := c.of("devices"), c.of("")
	switch {
	case v1 != nil && v1.err == nil && v1.devices == nil:
		check.Found = "v1, " + v1.dir
	case v1 == nil && v2 != nil && v2.unified != nil && v2.unified.devices == nil:
		check.Found = "v2, by a program (BPF)"
	default:
		check.Status, check.Fails = Missing, "every container of root: none is to have all devices"
		check.Found, check.Mend = "no hierarchy has it", "mount the devices controller of cgroup v1, or cgroup2"
		if v1 == nil && v2 != nil && v2.unified != nil {
			check.Found = v2.unified.devices.Error()
			check.Mend = "build the kernel with CONFIG_CGROUP_BPF, and give rung CAP_BPF or CAP_SYS_ADMIN"
		} else if v1 != nil {
			check.Found, check.Mend = errors.Join(v1.err, v1.devices).Error(), "see cgroup.place, and give rung CAP_SYS_ADMIN"
		}
	}
	return check
}

// limits are checks of controllers: of those that are always there, and of those that the bundle needs.
func (c *cgroup) limits(w *wants) (list []Check) {
	for _, k := range controllers {
		list = append(list, c.controller(k.name, k.need, false))
	}
	for _, n := range c.needs {
		name := "cgroup." + n.Controller
		i := slices.IndexFunc(list, func(c Check) bool { return c.Name == name })
		if i < 0 {
			i = len(list)
			list = append(list, c.controller(n.Controller, Optional, n.Unified))
		} else if n.Unified && list[i].Status == OK {
			if list[i] = c.controller(n.Controller, list[i].Need, true); list[i].Status != OK {
				delete(w.fields, name) // of the others none is to blame
			}
		}
		w.field(name, "%s", n.Field)
		if w.noCgroup {
			list[i].Status, list[i].Found = Missing, "the container is to have no cgroup of its own"
			list[i].Fails, list[i].Mend = n.Field, "leave --cgroup-manager disabled out, or the limit"
		}
		if n.Ignored != "" && list[i].Status == Missing && w.fields[name] == n.Field {
			list[i].Status = Degraded
			list[i].Fails, list[i].Mend = n.Field+" is ignored: "+n.Ignored, "leave it out"
		}
	}
	return list
}

func (c *cgroup) controller(name string, need Need, unifiedOnly bool) Check {
	check := Check{Name: "cgroup." + name, Status: OK, Need: need}
	found, trouble := c.where(name, unifiedOnly)
	check.Found = found
	if trouble == "" {
		return check
	}
	check.Status, check.Found, check.Fails = Missing, trouble, "limits of "+name
	check.Mend = c.mend(name, trouble)
	return check
}

// mend says what to do where a controller can't be had.
func (c *cgroup) mend(name, trouble string) string {
	unified := c.of("")
	k, known := c.known[cgroups.V1Name(name)]
	for _, p := range c.places {
		if p.err != nil && p.err.Error() == trouble {
			return "see cgroup.place"
		}
	}
	switch {
	case unified != nil && unified.unified != nil && slices.Contains(unified.unified.top, name):
		return "move the processes of that cgroup into one below it, and write +" + name + " to its cgroup.subtree_control; for a user's systemd, Delegate=" + name
	case k.v1 && c.of(cgroups.V1Name(name)) != nil:
		return "it is bound to a hierarchy of cgroup v1: have another field of linux.resources limit it, or boot with cgroup_no_v1=" + name
	case k.v1:
		return "it is bound to a hierarchy of cgroup v1 that isn't mounted here: mount that here, or unmount it wherever it is"
	case known && !k.enabled:
		return "take it out of the kernel's parameter cgroup_disable="
	}
	return "build the kernel with it, or boot without naming it in the parameter cgroup_disable="
}
