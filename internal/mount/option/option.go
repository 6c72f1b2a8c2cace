// Package option parses the option words of an entry of config.json's mounts into values that
// the mount system calls take. It is pure: nothing here asks the kernel.
//
// The words are those of the runtime-spec (config.md, "Linux mount options"): all of its MUST,
// SHOULD and MAY lists. Every other word belongs to the file system and is kept as it is.
package option

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// Attr is a change of mount attributes as mount_setattr(2) takes it: the MOUNT_ATTR_* bits to
// set and those to clear. The kernel clears first.
//
// The access time modes are not bits but an enum in the bits MOUNT_ATTR__ATIME, of which
// relatime is the value 0: where any mode was asked for, Clear holds all of MOUNT_ATTR__ATIME,
// because the kernel refuses less. A bit that nobody mentioned is in neither.
type Attr struct {
	Set, Clear uint64
}

// IsZero reports whether no word asked for a change.
func (a Attr) IsZero() bool { return a == Attr{} }

// Named is what was named of the flags that a mount has before its options are applied.
type Named struct {
	// Any says that a word of flags was given, if only one that means the default: all but
	// those for propagation and the recursive ones.
	Any bool
	// Atime is the word that decided about the access time mode, "" if none did.
	Atime string
}

// Propagation is one change of the propagation type of a mount.
type Propagation struct {
	Type      uint64 // unix.MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE
	Recursive bool   // for all mounts below as well (AT_RECURSIVE, MS_REC)
}

// Options is what the option words of one mount ask for.
type Options struct {
	Bind      bool // "bind" or "rbind": this and nothing else makes an entry a bind mount
	Recursive bool // "rbind"
	Remount   bool // "remount"

	Attr    Attr // attributes of the mount itself: "ro", "nosuid"…
	RecAttr Attr // attributes of the mount and of all below it: "rro", "rnosuid"…

	Named Named // the words that Attr and Superblock come of, for a mount that has flags already

	Propagation []Propagation // in the order given; each needs a call of its own

	// Superblock holds the flag words that fsconfig(2) with FSCONFIG_SET_FLAG takes for every
	// file system: "ro", "sync", "dirsync", "lazytime", "mand". Sorted. "ro" is also in Attr.
	Superblock []string

	// Silent ("silent") and IVersion ("iversion") exist for mount(2) only, see Legacy: fsconfig
	// knows no words for them (EINVAL on 6.18). Silent changes nothing but the kernel's log.
	Silent   bool
	IVersion bool

	CopyUp bool // "tmpcopyup": fill the new tmpfs with what it covers

	IDMap  bool // "idmap"
	RIDMap bool // "ridmap"

	// Data holds all other words, verbatim and in order: the file system's own parameters. A
	// word may hold commas, which mount(2) takes as separators.
	Data []string
}

// atimeMask is the enum of access time modes.
const atimeMask = unix.MOUNT_ATTR__ATIME

// Parse reads option words. A later word overrides an earlier one that it contradicts ("ro",
// "rw"). Empty words and "defaults" mean nothing. The only error is a NUL byte in a word.
func Parse(words []string) (Options, error) {
	var o Options
	super := superblock(0)
	for _, entry := range words {
		for _, word := range split(entry) {
			if err := o.add(word, &super); err != nil {
				return Options{}, err
			}
		}
	}
	o.Superblock = super.words()
	return o, nil
}

// add does what one word says.
func (o *Options) add(word string, super *superblock) error {
	w, known := lookup(word)
	switch {
	case word == "":
	case known:
		o.apply(w, super)
	case strings.ContainsRune(word, 0):
		return errors.New("mount option contains a NUL byte")
	default:
		o.Data = append(o.Data, word)
	}
	return nil
}

// apply does what one known word says.
func (o *Options) apply(w entry, super *superblock) {
	switch w.kind {
	case attr, atime, superFlag, silent, iversion:
		o.Named.Any = true
	}
	switch w.kind {
	case attr:
		o.Attr.apply(w)
		if w.bits == unix.MOUNT_ATTR_RDONLY { // of which the superblock has a flag as well
			super.set(sbReadonly, !w.clear)
		}
	case recAttr:
		o.RecAttr.apply(w)
	case atime:
		if o.Attr.applyAtime(w) {
			o.Named.Atime = w.word
		}
	case recAtime:
		o.RecAttr.applyAtime(w)
	case propagation, recPropagation:
		o.Propagation = append(o.Propagation, Propagation{Type: w.bits, Recursive: w.kind == recPropagation})
	case superFlag:
		super.set(superblock(w.bits), !w.clear)
	case silent:
		o.Silent = !w.clear
	case iversion:
		o.IVersion = !w.clear
	case bind:
		o.Bind = true
		o.Recursive = o.Recursive || w.bits != 0
	case remount:
		o.Remount = true
	case copyUp:
		o.CopyUp = true
	case idmap:
		o.IDMap = true
	case recIDMap:
		o.RIDMap = true
	}
}

// apply sets or clears the bit of an ordinary attribute word.
func (a *Attr) apply(w entry) {
	if w.clear {
		a.Set, a.Clear = a.Set&^w.bits, a.Clear|w.bits
	} else {
		a.Set, a.Clear = a.Set|w.bits, a.Clear&^w.bits
	}
}

// applyAtime changes the access time mode. Words that take a mode away ("nostrictatime") mean
// the kernel's default, relatime, unless another mode was asked for before: the kernel can't
// clear just one value of an enum. It reports whether the word decided.
func (a *Attr) applyAtime(w entry) bool {
	if w.clear && a.Clear&atimeMask != 0 && a.Set&atimeMask != w.bits {
		return false
	}
	a.Set, a.Clear = a.Set&^atimeMask, a.Clear|atimeMask
	if !w.clear {
		a.Set |= w.bits
	}
	return true
}

// Legacy returns the options as MS_* flags of mount(2), for the mounts that can't be made with
// fsconfig(2). Propagation, the recursive attributes and the cleared bits are not in it: a new
// mount has nothing to clear, and the others need calls of their own.
func (o *Options) Legacy() uintptr {
	var flags uintptr
	for _, m := range [...]struct {
		attr uint64
		flag uintptr
	}{
		{unix.MOUNT_ATTR_RDONLY, unix.MS_RDONLY},
		{unix.MOUNT_ATTR_NOSUID, unix.MS_NOSUID},
		{unix.MOUNT_ATTR_NODEV, unix.MS_NODEV},
		{unix.MOUNT_ATTR_NOEXEC, unix.MS_NOEXEC},
		{unix.MOUNT_ATTR_NOATIME, unix.MS_NOATIME},
		{unix.MOUNT_ATTR_STRICTATIME, unix.MS_STRICTATIME},
		{unix.MOUNT_ATTR_NODIRATIME, unix.MS_NODIRATIME},
		{unix.MOUNT_ATTR_NOSYMFOLLOW, unix.MS_NOSYMFOLLOW},
	} {
		if o.Attr.Set&m.attr != 0 {
			flags |= m.flag
		}
	}
	if o.Attr.Clear&atimeMask == atimeMask && o.Attr.Set&atimeMask == unix.MOUNT_ATTR_RELATIME {
		flags |= unix.MS_RELATIME
	}
	for _, word := range o.Superblock {
		flags |= superblockFlag(word)
	}
	for _, m := range [...]struct {
		on   bool
		flag uintptr
	}{
		{o.Silent, unix.MS_SILENT},
		{o.IVersion, unix.MS_I_VERSION},
		{o.Bind, unix.MS_BIND},
		{o.Recursive, unix.MS_REC},
		{o.Remount, unix.MS_REMOUNT},
	} {
		if m.on {
			flags |= m.flag
		}
	}
	return flags
}
