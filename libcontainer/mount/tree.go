// Package mount makes detached mounts and attaches them by descriptor.
//
// A detached tree gets all its flags before anybody can see it, and it is put on
// a descriptor that was verified: no path is looked up between the check and the
// mount, and no window shows a mount writable that is to be read-only.
package mount

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/mount/option"
)

// maxValue is the longest value that fsconfig(2) takes, in bytes.
const maxValue = 255

// ErrTooLong reports an option that fsconfig(2) doesn't take.
type ErrTooLong struct{ Key string }

// Error names the option.
func (e *ErrTooLong) Error() string {
	return fmt.Sprintf("option %s is longer than %d bytes", e.Key, maxValue)
}

// New makes a detached mount of a new instance of file system kind. The
// caller owns the descriptor. attr are MOUNT_ATTR_* flags.
func New(kind, source string, o option.Options, attr uint64) (int, error) {
	fs, err := Context(kind, source, o)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	return FromContext(fs, attr)
}

// FromContext makes the mount of a context that [Context] has made. Linux 6.8 and
// later list mounts in the order in which this is done.
func FromContext(fs int, attr uint64) (int, error) {
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, int(attr))
	if err != nil {
		return -1, explain(fs, "", err)
	}
	return fd, nil
}

// Context makes a new instance of file system kind without a mount of it, which
// is most of the work. The caller owns the descriptor.
func Context(kind, source string, o option.Options) (_ int, err error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		if err == unix.ENODEV {
			return -1, fmt.Errorf("this kernel has no file system %q: %w", kind, err)
		}
		return -1, err
	}
	defer func() {
		if err != nil {
			unix.Close(fs)
		}
	}()
	if source != "" {
		if err := setString(fs, "source", source); err != nil {
			return -1, err
		}
	}
	for _, flag := range o.Superblock {
		if kind == "tmpfs" && flag == "ro" { // needed writable until all is set up
			continue
		}
		if err := unix.FsconfigSetFlag(fs, flag); err != nil {
			return -1, explain(fs, flag, err)
		}
	}
	for _, word := range o.Data {
		if err := set(fs, word); err != nil {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, explain(fs, "", err)
	}
	return fs, nil
}

// set applies a data word: key=value, or a flag.
func set(fs int, word string) error {
	key, value, ok := strings.Cut(word, "=")
	if ok {
		return setString(fs, key, value)
	}
	if err := unix.FsconfigSetFlag(fs, key); err != nil {
		return explain(fs, key, err)
	}
	return nil
}

func setString(fs int, key, value string) error {
	if len(value) > maxValue {
		return &ErrTooLong{key}
	}
	if err := unix.FsconfigSetString(fs, key, value); err != nil {
		return explain(fs, key, err)
	}
	return nil
}

// explain adds what the kernel says about the error in the context's log, such
// as "tmpfs: Bad value for 'size'".
func explain(fs int, option string, err error) error {
	var text []string
	buf := make([]byte, 1024)
	for {
		n, rerr := unix.Read(fs, buf)
		if rerr != nil || n <= 0 {
			break
		}
		line := strings.TrimSpace(string(buf[:n]))
		if len(line) > 2 && line[1] == ' ' { // "e text": the level comes first
			line = line[2:]
		}
		text = append(text, line)
	}
	switch {
	case len(text) > 0:
		return fmt.Errorf("%s: %w", strings.Join(text, ", "), err)
	case option != "":
		return fmt.Errorf("option %s: %w", option, err)
	}
	return err
}

// Legacy makes a mount by mount(2), for what fsconfig(2) doesn't take: it is
// mounted on the directory staging, which must be trusted and in a mount
// namespace of the caller's own, cloned off and unmounted again.
func Legacy(kind, source, staging string, o option.Options, attr uint64) (int, error) {
	flags := o.Legacy() &^ (unix.MS_BIND | unix.MS_REC | unix.MS_REMOUNT)
	if err := unix.Mount(source, staging, kind, flags, legacyData(o.Data)); err != nil {
		return -1, err
	}
	fd, err := Clone(unix.AT_FDCWD, staging, false)
	if uerr := unix.Unmount(staging, unix.MNT_DETACH); err == nil && uerr != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("unmount staging directory: %w", uerr)
	}
	if err != nil {
		return -1, err
	}
	if err := SetAttr(fd, attr, 0, false); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// legacyData joins options for mount(2). A label may have commas: SELinux knows
// it by its quotes.
func legacyData(words []string) string {
	quoted := slices.Clone(words)
	for i, w := range quoted {
		key, value, _ := strings.Cut(w, "=")
		if strings.HasSuffix(key, "context") && strings.Contains(value, ",") {
			quoted[i] = key + `="` + value + `"`
		}
	}
	return strings.Join(quoted, ",")
}

// Clone makes a detached copy of the mount tree at path below dir (AT_FDCWD:
// a path of the caller's; "" : dir itself), with everything mounted below it if
// recursive.
func Clone(dir int, path string, recursive bool) (int, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.OpenTree(dir, path, flags)
}

// SetAttr sets and clears MOUNT_ATTR_* flags of the mount tree.
func SetAttr(tree int, set, clr uint64, recursive bool) error {
	if set|clr == 0 {
		return nil
	}
	return setattr(tree, &unix.MountAttr{Attr_set: set, Attr_clr: clr}, recursive)
}

// SetPropagation makes the mount tree shared, slave, private or unbindable
// (MS_SHARED…).
func SetPropagation(tree int, kind uint64, recursive bool) error {
	return setattr(tree, &unix.MountAttr{Propagation: kind}, recursive)
}

// SetIDMap maps the ids of the files in the mount tree by the maps of a user
// namespace: MOUNT_ATTR_IDMAP, Linux 5.12. The tree must be detached, and its file
// systems must support it.
func SetIDMap(tree, userns int, recursive bool) error {
	return setattr(tree, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns)}, recursive)
}

func setattr(tree int, a *unix.MountAttr, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.MountSetattr(tree, "", flags, a)
}

// Attach makes the detached tree visible at the file or directory target. It
// closes neither; tree then refers to the attached mount.
func Attach(tree, target int) error {
	return unix.MoveMount(tree, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}
