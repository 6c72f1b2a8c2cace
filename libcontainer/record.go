package libcontainer

import (
	"os"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/state"
)

// newRecord is what is written down of a container when its first process is set up.
func (c *creation) newRecord(pid int, start, serial uint64) *state.Record {
	s := c.bundle.Spec
	return &state.Record{
		ID: c.opt.ID, PID: pid, Start: start, Serial: serial, BootID: c.boot, PIDs: c.host.PIDNamespace(), Created: time.Now(),
		Bundle: c.bundle.Dir, Rootfs: c.bundle.Rootfs, UID: uint32(os.Geteuid()), Annotations: s.Annotations,
		Cgroups: c.loc, Namespaces: namespacePaths(pid), HasHooks: hasLaterHooks(s.Hooks), HasProcess: s.Process != nil,
		OwnPIDNamespace: ownPIDNamespace(s), NoNewKeyring: c.opt.NoNewKeyring, Systemd: c.r.SystemdCgroup,
		Resctrl: c.resctrl, Root: c.root,
	}
}

// namespacePaths has the keys of runc's state.json.
func namespacePaths(pid int) map[string]string {
	dir := "/proc/" + strconv.Itoa(pid) + "/ns/"
	return map[string]string{
		"NEWCGROUP": dir + "cgroup", "NEWIPC": dir + "ipc", "NEWNET": dir + "net", "NEWNS": dir + "mnt",
		"NEWPID": dir + "pid", "NEWTIME": dir + "time", "NEWUSER": dir + "user", "NEWUTS": dir + "uts",
	}
}

// hasLaterHooks tells whether start or delete will have hooks to run.
func hasLaterHooks(h *specs.Hooks) bool {
	return h != nil && len(h.StartContainer)+len(h.Poststart)+len(h.Poststop) > 0
}

// ownPIDNamespace tells whether the container's init is pid 1 of a namespace.
func ownPIDNamespace(s *specs.Spec) bool {
	if s.Linux == nil {
		return false
	}
	for _, ns := range s.Linux.Namespaces {
		if ns.Type == specs.PIDNamespace {
			return ns.Path == ""
		}
	}
	return false
}
