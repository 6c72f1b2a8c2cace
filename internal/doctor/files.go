package doctor

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/nsenter"
)

// kind is a file system, and what its mounts are: MOUNT_ATTR_* flags.
type kind struct {
	name string
	attr uint64
}

// basic are the file systems that nearly every container mounts anew.
var basic = [...]string{"proc", "tmpfs", "devpts", "mqueue", "sysfs", "cgroup2"}

// plain is what such mounts mostly are.
const plain = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// files is what is known of file systems.
type files struct {
	made  []made
	trees []tree
}

// made is what came of making a file system.
type made struct {
	kind     string
	trial    trial
	readonly bool // it can be mounted only so
	asked    bool // by the bundle, which says what its mounts are
}

// mapping is a mount whose ids are to be mapped.
type mapping struct {
	path   string // "": a new tmpfs
	tree   bool   // with all that is mounted below
	mapped bool   // and their ids, too
}

// tree is what came of mapping the ids of a mount.
type tree struct {
	mapping
	kind   string // of file system
	sample bool   // nobody has asked for this one, but for file systems
	err    error
}

// lookAtFiles makes file systems in a child that has namespaces of its own, of which they are, and maps ids of mounts that are
// attached nowhere.
func lookAtFiles(c *caller, w *wants) (f files) {
	kinds := slices.Clone(w.kinds)
	for _, name := range basic {
		if !slices.ContainsFunc(kinds, func(k kind) bool { return k.name == name }) {
			kinds = append(kinds, kind{name, plain})
		}
	}
	for i, k := range kinds {
		m := k.make(c.own)
		m.asked = i < len(w.kinds)
		f.made = append(f.made, m)
	}
	user, err := -1, error(unix.EPERM)
	if c.own == 0 {
		if user, err = idmap.Namespace(&idmap.Maps{UID: "0 1 1\n", GID: "0 1 1\n", Field: "linux"}); err == nil {
			defer unix.Close(user)
		}
	}
	f.trees = append(samples(w), tree{kind: "tmpfs", sample: true})
	for _, m := range w.trees {
		f.trees = append(f.trees, tree{mapping: m, kind: kindOf(m.path)})
	}
	for i := range f.trees {
		if f.trees[i].err = err; err == nil {
			f.trees[i].err = f.trees[i].mapIDs(user)
		}
	}
	return f
}

// samples are mounts of what file systems the host has, where there is no bundle.
func samples(w *wants) []tree {
	if w.bundle {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	known, _ := os.ReadFile("/proc/filesystems")
	return sampled(string(mounts), string(known))
}

// sampled finds the first mount of each file system on disk, and of overlays: of the network's a look might never end.
func sampled(mountinfo, known string) (list []tree) {
	disk := map[string]bool{"overlay": true}
	for line := range strings.Lines(known) {
		if name, ok := strings.CutPrefix(line, "\t"); ok {
			disk[strings.TrimSpace(name)] = !strings.HasPrefix(name, "fuse")
		}
	}
	for line := range strings.Lines(mountinfo) {
		left, right, _ := strings.Cut(line, " - ")
		kind, _, _ := strings.Cut(right, " ")
		if f := strings.Fields(left); len(f) > 4 && disk[kind] && !strings.Contains(f[4], `\`) {
			list = append(list, tree{mapping: mapping{path: f[4]}, kind: kind, sample: true})
			disk[kind] = false
		}
	}
	return list
}

// make makes the file system in a child.
func (k kind) make(own uint64) made {
	attempt := func(attr uint64) trial {
		return try(own|spacesOf(k.name), func(t *nsenter.Tape) { mounting(t, k.name, attr) })
	}
	m := made{kind: k.name, trial: attempt(k.attr)}
	if m.trial.is(unix.EPERM) && m.trial.step == "fsmount" && k.attr&unix.MOUNT_ATTR_RDONLY == 0 {
		m.readonly = attempt(k.attr|unix.MOUNT_ATTR_RDONLY).err == nil
	}
	return m
}

// spacesOf are the namespaces without which a new instance of a file system would be the host's.
func spacesOf(kind string) uint64 {
	own := map[string]uint64{"proc": unix.CLONE_NEWPID, "mqueue": unix.CLONE_NEWIPC, "sysfs": unix.CLONE_NEWNET, "cgroup2": unix.CLONE_NEWCGROUP}
	return unix.CLONE_NEWNS | own[kind]
}

// mounting makes a file system and its mount. Of one that takes more than its name it finds out only whether the kernel has it.
func mounting(t *nsenter.Tape, kind string, attr uint64) {
	fs := t.Slot()
	t.Call("fsopen", unix.SYS_FSOPEN, t.Str(kind), nsenter.Int(0)).Into(fs)
	if slices.Contains(basic[:], kind) {
		none := nsenter.Int(0)
		t.Call("fsconfig", unix.SYS_FSCONFIG, fs.Value(), nsenter.Int(unix.FSCONFIG_CMD_CREATE), none, none, none)
		t.Call("fsmount", unix.SYS_FSMOUNT, fs.Value(), none, nsenter.Uint(uintptr(attr)))
	}
}

// mapIDs maps the ids of a clone of the mount, or of a new tmpfs.
func (m *mapping) mapIDs(user int) error {
	fd, err := m.detached()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	flags := uint(unix.AT_EMPTY_PATH)
	if m.mapped {
		flags |= unix.AT_RECURSIVE
	}
	err = unix.MountSetattr(fd, "", flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(user)})
	return os.NewSyscallError("mount_setattr", err)
}

func (m *mapping) detached() (int, error) {
	if m.path != "" {
		flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
		if m.tree {
			flags |= unix.AT_RECURSIVE
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, m.path, flags)
		if err != nil {
			return -1, &os.PathError{Op: "open_tree", Path: m.path, Err: err}
		}
		return fd, nil
	}
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, os.NewSyscallError("fsconfig", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	return fd, os.NewSyscallError("fsmount", err)
}

// kindOf is the file system of the mount that a path is on, "" if that can't be said.
func kindOf(path string) string {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &st) != nil || st.Mask&unix.STATX_MNT_ID == 0 {
		return ""
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	return mountKind(string(text), st.Mnt_id)
}

// mountKind is the file system of a mount by its id.
func mountKind(mountinfo string, id uint64) string {
	for line := range strings.Lines(mountinfo) {
		left, right, _ := strings.Cut(line, " - ")
		if mine, _, _ := strings.Cut(left, " "); mine == strconv.FormatUint(id, 10) {
			kind, _, _ := strings.Cut(right, " ")
			return kind
		}
	}
	return ""
}

func (f *files) judge(c *caller) (list []Check) {
	for i := range f.made {
		list = append(list, f.made[i].judge(c))
	}
	for i := range f.trees {
		list = append(list, f.trees[i].judge(c))
	}
	return list
}

func (m *made) judge(c *caller) Check {
	check, t := Check{Name: "filesystem." + m.kind, Status: OK, Need: Usual}, m.trial
	switch m.kind {
	case "cgroup2":
		check.Need = Optional
	case "proc", "tmpfs":
		check.Need = Required
	}
	if t.err == nil {
		return check
	}
	check.Status, check.Found, check.Fails = Missing, t.String(), "mounts of type "+m.kind
	switch {
	case t.is(unix.ENODEV):
		check.Mend = "load or build the kernel's " + m.kind
	case m.readonly:
		if !m.asked {
			check.Status = Degraded
		}
		check.Found, check.Fails = "it can be mounted read-only, as the one that we see", "mounts of type "+m.kind+" that aren't read-only"
		check.Mend = "mount it with the option ro, or start the container that we are in with one that isn't read-only"
	case t.step == "fsmount" && t.is(unix.EPERM):
		check.Mend = "what is mounted over files of the one that we see would be uncovered: start the container that we are in without masked and read-only paths there"
	case t.step == cloning && c.own != 0:
		check.Mend = "see namespace.user"
	case t.step == cloning:
		check.Mend = "see namespace.mount and those that follow"
	default:
		check.Mend = "in a container, have its seccomp profile allow the calls of mounts"
	}
	return check
}

func (t *tree) judge(c *caller) Check {
	check := Check{Name: "idmap." + t.path, Status: OK, Need: Usual, Found: t.kind}
	if t.sample {
		check.Name, check.Found = "idmap."+t.kind, t.path
	}
	if !c.privileged() {
		check.Need = Optional
	}
	if t.err == nil {
		return check
	}
	check.Status, check.Fails = Missing, "mounts with uidMappings, idmap or ridmap"
	check.Found = strings.TrimPrefix(check.Found+": "+first(t.err.Error()), ": ")
	err := trial{err: t.err}
	switch {
	case err.is(unix.EINVAL):
		check.Mend = "this kernel has no idmapped mounts of this file system: use another one, or a newer kernel"
	case err.is(unix.ENOENT):
		check.Mend = "make the directory"
	case err.is(unix.EPERM) && !c.privileged():
		check.Mend = "it takes root of the host, or of the user namespace that the file system was mounted in"
	default:
		check.Mend = "in a container, have its seccomp profile allow open_tree and mount_setattr, and give it CAP_SYS_ADMIN"
	}
	return check
}
