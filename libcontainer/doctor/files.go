package doctor

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/idmap"
	"github.com/rung-oci/rung/nsenter"
)

// basic are the file systems that nearly every container mounts anew.
var basic = [...]string{"proc", "tmpfs", "devpts", "mqueue", "sysfs", "cgroup2"}

// files is what is known of file systems.
type files struct {
	kinds []string
	made  []trial // by kind
	trees []tree
}

// tree is what came of mapping the ids of a mount.
type tree struct {
	path string // "": a new tmpfs
	kind string // of file system
	err  error
}

// lookAtFiles makes file systems in a child that has namespaces of its own, of which they are, and maps ids of mounts that are
// attached nowhere.
func lookAtFiles(c *caller, w *wants) (f files) {
	f.kinds = slices.Clone(basic[:])
	for _, kind := range w.kinds {
		if !slices.Contains(f.kinds, kind) {
			f.kinds = append(f.kinds, kind)
		}
	}
	for n, kind := range f.kinds {
		f.made = append(f.made, try(c.own|spacesOf(kind), func(t *nsenter.Tape) { mount(t, kind, n < len(basic)) }))
	}
	user, err := -1, error(unix.EPERM)
	if c.own == 0 {
		if user, err = idmap.Namespace(&idmap.Maps{UID: "0 1 1\n", GID: "0 1 1\n", Field: "linux"}); err == nil {
			defer unix.Close(user)
		}
	}
	for _, path := range append([]string{""}, w.trees...) {
		t := tree{path: path, kind: "tmpfs", err: err}
		if path != "" {
			t.kind = kindOf(path)
		}
		if err == nil {
			t.err = mapIDs(path, user)
		}
		f.trees = append(f.trees, t)
	}
	return f
}

// spacesOf are the namespaces without which a new instance of a file system would be the host's.
func spacesOf(kind string) uint64 {
	own := map[string]uint64{"proc": unix.CLONE_NEWPID, "mqueue": unix.CLONE_NEWIPC, "sysfs": unix.CLONE_NEWNET, "cgroup2": unix.CLONE_NEWCGROUP}
	return unix.CLONE_NEWNS | own[kind]
}

// mount makes a file system and its mount, or finds out only whether the kernel has it.
func mount(t *nsenter.Tape, kind string, whole bool) {
	fs := t.Slot()
	t.Call("fsopen", unix.SYS_FSOPEN, t.Str(kind), nsenter.Int(0)).Into(fs)
	if whole {
		none := nsenter.Int(0)
		t.Call("fsconfig", unix.SYS_FSCONFIG, fs.Value(), nsenter.Int(unix.FSCONFIG_CMD_CREATE), none, none, none)
		t.Call("fsmount", unix.SYS_FSMOUNT, fs.Value(), none, nsenter.Int(unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC))
	}
}

// mapIDs maps the ids of a clone of the mount at path, or of a new tmpfs.
func mapIDs(path string, user int) error {
	fd, err := detached(path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(user)})
	return os.NewSyscallError("mount_setattr", err)
}

func detached(path string) (int, error) {
	if path != "" {
		fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return -1, &os.PathError{Op: "open_tree", Path: path, Err: err}
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
	for n, kind := range f.kinds {
		list = append(list, judgeKind(kind, f.made[n], c))
	}
	for i := range f.trees {
		list = append(list, f.trees[i].judge(c))
	}
	return list
}

func judgeKind(kind string, t trial, c *caller) Check {
	check := Check{Name: "filesystem." + kind, Status: OK, Need: Usual}
	switch {
	case kind == "cgroup2":
		check.Need = Optional
	case kind == "proc" || kind == "tmpfs":
		check.Need = Required
	}
	if t.err == nil {
		return check
	}
	check.Status, check.Found, check.Fails = Missing, t.String(), "mounts of type "+kind
	switch {
	case t.is(unix.ENODEV):
		check.Mend = "load or build the kernel's " + kind
	case t.step == "fsmount" && t.is(unix.EPERM):
		check.Mend = "what is mounted over files of the one that we see would be uncovered: start the container that we are in without masked and read-only paths there"
	case t.step == cloning && c.own != 0:
		check.Mend = "see namespace.user"
	case t.step == cloning:
		check.Mend = "see namespace"
	case t.is(unix.EPERM, unix.ENOSYS):
		check.Mend = "in a container, have its seccomp profile allow the calls of mounts"
	}
	return check
}

func (t *tree) judge(c *caller) Check {
	check := Check{Name: "idmap." + t.path, Status: OK, Need: Usual, Found: t.kind}
	if t.path == "" {
		check.Name, check.Found = "idmap.tmpfs", ""
	}
	if !c.privileged() {
		check.Need = Optional
	}
	if t.err == nil {
		return check
	}
	check.Status, check.Fails = Missing, "mounts with uidMappings, idmap or ridmap"
	check.Found = strings.TrimPrefix(t.kind+": "+first(t.err.Error()), ": ")
	err := trial{err: t.err}
	switch {
	case err.is(unix.EINVAL):
		check.Mend = "this kernel has no idmapped mounts of this file system: use another one, or a newer kernel"
	case err.is(unix.ENOENT):
		check.Mend = "make the directory"
	case err.is(unix.EPERM) && !c.privileged():
		check.Mend = "it takes root of the host, or of the user namespace that the file system was mounted in"
	case err.is(unix.EPERM, unix.ENOSYS):
		check.Mend = "in a container, have its seccomp profile allow open_tree and mount_setattr, and give it CAP_SYS_ADMIN"
	}
	return check
}
