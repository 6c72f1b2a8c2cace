// Package mount makes detached mounts and attaches them by descriptor.
//
// A detached tree gets all its flags before anybody can see it, and it is put on
// a descriptor that was verified: no path is looked up between the check and the
// mount, and no window shows a mount writable that is to be read-only.
//
// The functions queue calls; errors are those of the [calls.Kernel].
package mount

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/suggest"
)

// maxValue is the longest value that fsconfig(2) takes, in bytes.
const maxValue = 255

// ErrTooLong reports an option that fsconfig(2) doesn't take.
type ErrTooLong struct{ Key string }

// Error names the option.
func (e *ErrTooLong) Error() string {
	return fmt.Sprintf("option %s is longer than %d bytes", e.Key, maxValue)
}

// TooLong tells whether an option, or the source, is longer than fsconfig(2) takes.
func TooLong(source string, o option.Options) bool {
	return len(source) > maxValue || slices.ContainsFunc(o.Data, func(word string) bool {
		_, value, _ := strings.Cut(word, "=")
		return len(value) > maxValue
	})
}

// New makes a detached mount of a new instance of file system kind. The
// caller owns the descriptor. attr are MOUNT_ATTR_* flags.
func New(k *calls.Kernel, kind, source string, o option.Options, attr uint64) calls.FD {
	fs := Context(k, kind, source, o)
	defer k.Close(fs)
	return FromContext(k, kind, fs, attr)
}

// FromContext makes the mount of a context that [Context] has made, of file system kind. Linux 6.8 and
// later list mounts in the order in which this is done.
func FromContext(k *calls.Kernel, kind string, fs calls.FD, attr uint64) calls.FD {
	return k.Fsmount("", fs, attr).Else(explain(k, fs, asked{kind: kind})).FD()
}

// Context makes a new instance of file system kind without a mount of it, which
// is most of the work. The caller owns the descriptor.
func Context(k *calls.Kernel, kind, source string, o option.Options) calls.FD {
	fs := k.Fsopen("", kind).Else(func(e unix.Errno) error {
		if e == unix.ENODEV {
			return fmt.Errorf("this kernel has no file system %q: %w%s", kind, e, suggest.Meant(kind, kinds[:], ""))
		}
		return withCause(e, kind, nil)
	}).FD()
	if source != "" {
		setString(k, fs, kind, "source", source)
	}
	for _, flag := range o.Superblock {
		if kind == "tmpfs" && flag == "ro" { // needed writable until all is set up
			continue
		}
		setFlag(k, fs, kind, flag)
	}
	for _, word := range o.Data {
		set(k, fs, kind, word)
	}
	k.Fsconfig("", fs, unix.FSCONFIG_CMD_CREATE).Else(explain(k, fs, asked{kind: kind, data: o.Data}))
	return fs
}

// set applies a data word: key=value, or a flag.
func set(k *calls.Kernel, fs calls.FD, kind, word string) {
	if key, value, ok := strings.Cut(word, "="); ok {
		setString(k, fs, kind, key, value)
	} else {
		setFlag(k, fs, kind, key)
	}
}

func setFlag(k *calls.Kernel, fs calls.FD, kind, key string) {
	k.FsconfigFlag("", fs, key).Else(explain(k, fs, asked{kind: kind, word: key}))
}

func setString(k *calls.Kernel, fs calls.FD, kind, key, value string) {
	if len(value) > maxValue {
		k.Fail("", &ErrTooLong{key})
		return
	}
	k.FsconfigString("", fs, key, value).Else(explain(k, fs, asked{kind: kind, word: key}))
}

// asked is what a call asked of a file system.
type asked struct {
	kind string
	word string   // the option, without its value; "": another thing
	data []string // all options, where they count together
}

// explain adds what the kernel says about the error in the context's log, such
// as "tmpfs: Bad value for 'size'", and else what is likely.
func explain(k *calls.Kernel, fs calls.FD, a asked) func(unix.Errno) error {
	return func(e unix.Errno) error {
		switch said := log(k, fs); {
		case said != "":
			return fmt.Errorf("%s: %w%s", said, e, mistyped(a.kind, a.word, said))
		case a.word != "":
			return fmt.Errorf("option %s: %w", a.word, e)
		}
		return withCause(e, a.kind, a.data)
	}
}

// withCause is an errno with its likely cause.
func withCause(e unix.Errno, kind string, data []string) error {
	if why := cause(kind, data, e); why != "" {
		return fmt.Errorf("%w (%s)", e, why)
	}
	return e
}

// log is what the kernel has to say about a file system that is being made.
func log(k *calls.Kernel, fs calls.FD) string {
	var text []string
	buf := calls.NewBuf(1024)
	for {
		n, err := k.Read("", fs, buf).Now()
		if err != nil || n <= 0 {
			return strings.Join(text, ", ")
		}
		line := strings.TrimSpace(string(buf.Bytes[:n]))
		if len(line) > 2 && line[1] == ' ' { // "e text": the level comes first
			line = line[2:]
		}
		text = append(text, line)
	}
}

// Legacy makes a mount by mount(2), for what fsconfig(2) doesn't take: it is
// mounted on the directory staging, which must be trusted and in a mount
// namespace of the caller's own, cloned off and unmounted again.
func Legacy(k *calls.Kernel, kind, source, staging string, o option.Options, attr uint64) calls.FD {
	flags := o.Legacy() &^ (unix.MS_BIND | unix.MS_REC | unix.MS_REMOUNT)
	k.Mount("", source, staging, kind, uint64(flags), legacyData(o.Data))
	const unmount = "unmount staging directory"
	tree := k.OpenTree("", calls.At, staging, unix.OPEN_TREE_CLONE).Else(func(e unix.Errno) error {
		_ = k.Unmount(unmount, staging, unix.MNT_DETACH).Do() // what failed before is worse
		return e
	}).FD()
	k.Unmount(unmount, staging, unix.MNT_DETACH)
	SetAttr(k, "", tree, attr, 0, false)
	return tree
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

// Clone makes a detached copy of the mount tree at path below dir (calls.At:
// a path of the caller's; "" : dir itself), with everything mounted below it if
// recursive.
func Clone(k *calls.Kernel, label string, dir calls.FD, path string, recursive bool) *calls.Call {
	flags := unix.OPEN_TREE_CLONE
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return k.OpenTree(label, dir, path, flags)
}

// SetAttr sets and clears MOUNT_ATTR_* flags of the mount tree, if there are any.
func SetAttr(k *calls.Kernel, label string, tree calls.FD, set, clr uint64, recursive bool) {
	if set|clr != 0 {
		setattr(k, label, tree, unix.MountAttr{Attr_set: set, Attr_clr: clr}, recursive)
	}
}

// SetPropagation makes the mount tree shared, slave, private or unbindable
// (MS_SHARED…).
func SetPropagation(k *calls.Kernel, label string, tree calls.FD, kind uint64, recursive bool) {
	setattr(k, label, tree, unix.MountAttr{Propagation: kind}, recursive)
}

// SetIDMap maps the ids of the files in the mount tree by the maps of a user
// namespace: MOUNT_ATTR_IDMAP, Linux 5.12. The tree must be detached, and its file
// systems must support it.
func SetIDMap(k *calls.Kernel, tree calls.FD, userns int, recursive bool) *calls.Call {
	return setattr(k, "", tree, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns)}, recursive)
}

func setattr(k *calls.Kernel, label string, tree calls.FD, a unix.MountAttr, recursive bool) *calls.Call {
	flags := 0
	if recursive {
		flags = unix.AT_RECURSIVE
	}
	return k.MountSetattr(label, tree, flags, a)
}

// Attach makes the detached tree visible at the file or directory target. It
// closes neither; tree then refers to the attached mount.
func Attach(k *calls.Kernel, label string, tree, target calls.FD) *calls.Call {
	return k.MoveMount(label, tree, target)
}
