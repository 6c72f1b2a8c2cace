package option

import (
	"strings"

	"golang.org/x/sys/unix"
)

// lockable are the flags that a user namespace can't take off a mount which it has of
// another one; and the access time mode, which it can't change at all.
const lockable = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// atimes are the mode and its companion.
const atimes = atimeMask | unix.MOUNT_ATTR_NODIRATIME

// Replace is the change of a mount that has flags already, a clone or a mount that is
// remounted: once any flag is named, all that aren't named are cleared, as with runc 1.2
// and later. Access time flags stay as they are unless one of them is named.
func Replace(a Attr, n Named) Attr {
	if !n.Any {
		return Attr{}
	}
	a.Clear |= (lockable | unix.MOUNT_ATTR_NOSYMFOLLOW) &^ a.Set
	if setsAtime(n.Atime) {
		a.Clear |= unix.MOUNT_ATTR_NODIRATIME &^ a.Set
	}
	return a
}

// setsAtime tells whether a word names an access time mode to have, not one to be without.
func setsAtime(word string) bool {
	return word == "relatime" || word == "noatime" || word == "strictatime"
}

// NeedsFlags tells whether what a change is depends on the flags that the mount has: of words
// that take an access time mode away it does.
func NeedsFlags(n Named) bool { return n.Atime != "" && !setsAtime(n.Atime) }

// Without is the change for a mount with the flags have: a word that takes an access time mode
// away says nothing of the others.
func Without(a Attr, n Named, have uint64) Attr {
	mode := have & atimeMask
	if n.Atime == "atime" && mode == unix.MOUNT_ATTR_NOATIME || n.Atime == "nostrictatime" && mode == unix.MOUNT_ATTR_STRICTATIME ||
		setsAtime(n.Atime) || n.Atime == "" {
		return a
	}
	a.Set, a.Clear = a.Set&^atimeMask, a.Clear&^atimeMask
	return a
}

// Locked is the change of a mount with the flags have where those are locked: what isn't named
// stays. The words that ask for more are the second result, as the kernel would refuse them. asked is
// the change by the words alone.
func Locked(asked Attr, n Named, have uint64) (a Attr, refused []Refusal) {
	asked = Without(asked, n, have)
	for _, f := range lockNames {
		if have&asked.Clear&f.bit != 0 {
			refused = append(refused, Refusal{f.word, f.flag + " flag"})
		}
	}
	a = Replace(asked, n)
	if asked.Clear&atimeMask != 0 && asked.Set&atimeMask != have&atimeMask {
		refused = append(refused, Refusal{n.Atime, "access time mode"})
	}
	switch dir := uint64(unix.MOUNT_ATTR_NODIRATIME); {
	case asked.Set&dir != 0 && have&dir == 0:
		refused = append(refused, Refusal{"nodiratime", "access time mode"})
	case a.Clear&dir != 0 && have&dir != 0:
		word := n.Atime
		if asked.Clear&dir != 0 {
			word = "diratime"
		}
		refused = append(refused, Refusal{word, "nodiratime flag"})
	}
	a.Set, a.Clear = a.Set&^atimes, a.Clear&^(atimes|have&lockable)
	return a, refused
}

// Yield is what a mount with the flags have, locked ones, lets be done of a change.
func Yield(a Attr, have uint64) Attr {
	return Attr{Set: a.Set &^ atimes, Clear: a.Clear &^ (atimes | have&lockable)}
}

// A Refusal is a word whose flag is locked.
type Refusal struct{ Word, Flag string }

// Text says it for an error message. whose is what has the flags: "source", "mount".
func Text(list []Refusal, whose string) string {
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = r.Word + ": the " + whose + "'s " + r.Flag + " is locked in this user namespace"
	}
	return strings.Join(texts, ", ")
}

var lockNames = [...]struct {
	bit        uint64
	word, flag string
}{
	{unix.MOUNT_ATTR_RDONLY, "rw", "read-only"},
	{unix.MOUNT_ATTR_NOSUID, "suid", "nosuid"},
	{unix.MOUNT_ATTR_NODEV, "dev", "nodev"},
	{unix.MOUNT_ATTR_NOEXEC, "exec", "noexec"},
}

// OfStatfs are the attributes that the flags of statfs(2) tell.
func OfStatfs(flags uint64) uint64 {
	var have uint64
	for _, f := range [...]struct{ st, attr uint64 }{
		{unix.ST_RDONLY, unix.MOUNT_ATTR_RDONLY},
		{unix.ST_NOSUID, unix.MOUNT_ATTR_NOSUID},
		{unix.ST_NODEV, unix.MOUNT_ATTR_NODEV},
		{unix.ST_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
		{unix.ST_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
		{unix.ST_NOATIME, unix.MOUNT_ATTR_NOATIME},
	} {
		if flags&f.st != 0 {
			have |= f.attr
		}
	}
	if flags&(unix.ST_NOATIME|unix.ST_RELATIME) == 0 {
		have |= unix.MOUNT_ATTR_STRICTATIME
	}
	return have
}

// LockedBelow are the words for the mount and all below it that ask to take locked flags off a
// mount with the flags have.
func LockedBelow(a Attr, have uint64) (refused []Refusal) {
	for _, f := range lockNames {
		if have&a.Clear&f.bit != 0 {
			refused = append(refused, Refusal{"r" + f.word, f.flag + " flag"})
		}
	}
	if a.Clear&atimeMask != 0 && a.Set&atimeMask != have&atimeMask {
		refused = append(refused, Refusal{atimeWord(a.Set), "access time mode"})
	}
	return refused
}

func atimeWord(set uint64) string {
	switch set & atimeMask {
	case unix.MOUNT_ATTR_NOATIME:
		return "rnoatime"
	case unix.MOUNT_ATTR_STRICTATIME:
		return "rstrictatime"
	}
	return "rrelatime"
}
