package doctor

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/spec"
)

// caller is who we are.
type caller struct {
	uid, gid  int
	permitted caps.Set
	userNS    bool   // in a user namespace other than the host's
	own       uint64 // CLONE_NEWUSER if we make namespaces only together with a user namespace
	limits    map[string]uint64
	root      string
	rootErr   error  // of writing to the state directory, or making it
	refused   string // what an ordinary user can't have of the bundle
}

// privileged tells whether we are root of the host, with the right that most takes.
func (c *caller) privileged() bool { return c.hostRoot() && c.own == 0 }

// hostRoot tells whether device rules are set: of others nobody could have a device.
func (c *caller) hostRoot() bool { return c.uid == 0 && !c.userNS }

func lookAtCaller(w *wants) caller {
	c := caller{uid: os.Geteuid(), gid: os.Getegid(), userNS: idmap.InNamespace(), root: w.root, limits: map[string]uint64{}}
	_, c.permitted, _, _, _ = caps.Current()
	if !c.permitted.Has(unix.CAP_SYS_ADMIN) {
		c.own = unix.CLONE_NEWUSER
	}
	for _, r := range w.limits {
		var l unix.Rlimit
		if unix.Prlimit(0, plan.Resource(r.Type), nil, &l) == nil {
			c.limits[r.Type] = l.Max
		}
	}
	if c.root != "" {
		c.rootErr = writable(c.root)
	}
	if w.spec != nil && c.uid != 0 {
		if err := spec.ValidateRootless(w.spec, c.uid); err != nil {
			c.refused = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
	}
	return c
}

// writable tells why nothing can be made in a directory, or in the nearest above it that is there.
func writable(dir string) error {
	for {
		err := unix.Access(dir+"/.", unix.W_OK|unix.X_OK) // which a file hasn't
		slash := strings.LastIndexByte(dir, '/')
		switch {
		case err == nil:
			return nil
		case err != unix.ENOENT || slash <= 0:
			return &os.PathError{Op: "write to", Path: dir, Err: err}
		}
		if target, err := os.Readlink(dir); err == nil { // in whose way nothing is made
			return fmt.Errorf("make %s: it is a link to %s, which isn't there: %w", dir, target, unix.ENOENT)
		}
		dir = dir[:slash]
	}
}

// rights are the capabilities that root of the host needs for more than the simplest containers.
var rights = []struct {
	bit   int
	fails string
}{
	{unix.CAP_CHOWN, "terminals, devices and files of other owners"},
	{unix.CAP_DAC_OVERRIDE, "bundles and cgroups of other owners"},
	{unix.CAP_KILL, "kill and delete of containers of other users"},
	{unix.CAP_MKNOD, "devices that the host doesn't have in /dev"},
	{unix.CAP_NET_ADMIN, "network namespaces: lo can't be brought up, nor devices moved"},
	{unix.CAP_SETFCAP, "user namespaces whose maps have the host's id 0"},
	{unix.CAP_SETGID, "programs with another group, and id maps of groups"},
	{unix.CAP_SETPCAP, "programs with fewer capabilities than ours"},
	{unix.CAP_SETUID, "programs with another user, and id maps"},
	{unix.CAP_SYS_CHROOT, "mounts from outside into containers with a user namespace"},
	{unix.CAP_SYS_PTRACE, "exec into containers with a user namespace of their own"},
	{unix.CAP_SYS_RESOURCE, "process.rlimits above our own hard limits, and process.oomScoreAdj below ours"},
}

func (c *caller) judge(w *wants) (list []Check) {
	who := Check{Name: "caller.rights", always: true, Status: OK, Need: Required}
	switch {
	case c.privileged():
		who.Found = "root of the host"
	case c.uid == 0 && c.userNS && c.own == 0:
		who.Found = "root of a user namespace"
	case c.uid == 0:
		who.Status, who.Found = Degraded, "root without CAP_SYS_ADMIN"
		who.Fails, who.Mend = "containers without a user namespace of their own", "give rung CAP_SYS_ADMIN, or the bundle a user namespace"
		if w.bundle && w.fields["namespace.user"] == "" {
			who.Status, who.Fails = Missing, "the bundle, which has no user namespace"
		}
	default:
		who.Found = fmt.Sprintf("an ordinary user, uid %d", c.uid)
	}
	if c.refused != "" {
		who.Status, who.Fails = Missing, c.refused
		who.Mend = "change the bundle as rung spec --rootless would write it, or run it as root"
	}
	list = append(list, who)
	if c.own == 0 {
		list = append(list, c.capabilities()...)
	}
	list = append(list, c.granted(w)...)
	list = append(list, c.state()...)
	return append(list, c.rlimits(w)...)
}

// capabilities are checks of what root should be able to do.
func (c *caller) capabilities() (list []Check) {
	names := caps.Known()
	for _, r := range rights {
		check := Check{Name: "caller." + names[r.bit], Status: OK, Need: Usual}
		if !c.permitted.Has(r.bit) {
			check.Status, check.Fails = Missing, r.fails
			check.Mend = "start rung with " + names[r.bit]
			if r.bit == unix.CAP_SETGID && c.userNS {
				check.Status = Degraded // groups stay as they are
			}
		}
		list = append(list, check)
	}
	return list
}

// rlimits are checks of the limits that a bundle asks for.
func (c *caller) rlimits(w *wants) (list []Check) {
	for _, r := range w.limits {
		check := Check{Name: "limit." + r.Type, Status: OK, Need: Required, Found: "no more than our own"}
		if own, ok := c.limits[r.Type]; ok && r.Hard > own {
			check.Found = fmt.Sprintf("our own hard limit is %d, the bundle's %d", own, r.Hard)
			if !c.permitted.Has(unix.CAP_SYS_RESOURCE) || c.userNS {
				check.Status, check.Fails = Missing, "the bundle: raising a limit takes CAP_SYS_RESOURCE on the host"
				check.Mend = "raise the limit of who starts rung, or ask for less"
			}
		}
		list = append(list, check)
	}
	return list
}

// granted is a check of the capabilities that a bundle's program is to have.
func (c *caller) granted(w *wants) []Check {
	if w.capabilities == nil {
		return nil
	}
	check := Check{Name: "caller.grants", Status: OK, Need: Required}
	if lacks := plan.Warnings(w.spec, w.capabilities, &plan.Host{Permitted: c.permitted}); len(lacks) > 0 {
		check.Status, check.Found = Degraded, strings.Join(lacks, "; ")
		check.Fails = "the program goes without"
		check.Mend = "start rung with them, have ambient ones be permitted and inheritable, too, or leave them out"
	}
	return []Check{check}
}

func (c *caller) state() []Check {
	if c.root == "" {
		return nil
	}
	check := Check{Name: "caller.root", always: true, Status: OK, Need: Required, Found: c.root}
	if c.rootErr != nil {
		check.Status, check.Found = Missing, c.rootErr.Error()
		check.Fails, check.Mend = "every container: its state is kept there", "set XDG_RUNTIME_DIR, or give --root a directory of your own"
	}
	return []Check{check}
}
