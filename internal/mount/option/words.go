package option

import (
	"sort"

	"golang.org/x/sys/unix"
)

// kind says which part of Options a word changes.
type kind uint8

const (
	nothing kind = iota
	attr
	recAttr
	atime
	recAtime
	propagation
	recPropagation
	superFlag
	silent
	iversion
	bind
	remount
	copyUp
	idmap
	recIDMap
)

// entry is the meaning of one word. bits is a MOUNT_ATTR_* for attributes, an MS_* for
// propagation, a superblock flag, and not 0 for a recursive bind; clear says that the word
// takes the bits away.
type entry struct {
	word  string
	kind  kind
	clear bool
	bits  uint64
}

// words is sorted by word; a test keeps it so.
var words = [...]entry{
	{"async", superFlag, true, uint64(sbSync)},
	{"atime", atime, true, unix.MOUNT_ATTR_NOATIME},
	{"bind", bind, false, 0},
	{"defaults", nothing, false, 0},
	{"dev", attr, true, unix.MOUNT_ATTR_NODEV},
	{"diratime", attr, true, unix.MOUNT_ATTR_NODIRATIME},
	{"dirsync", superFlag, false, uint64(sbDirsync)},
	{"exec", attr, true, unix.MOUNT_ATTR_NOEXEC},
	{"idmap", idmap, false, 0},
	{"iversion", iversion, false, 0},
	{"lazytime", superFlag, false, uint64(sbLazytime)},
	{"loud", silent, true, 0},
	{"mand", superFlag, false, uint64(sbMand)},
	{"noatime", atime, false, unix.MOUNT_ATTR_NOATIME},
	{"nodev", attr, false, unix.MOUNT_ATTR_NODEV},
	{"nodiratime", attr, false, unix.MOUNT_ATTR_NODIRATIME},
	{"noexec", attr, false, unix.MOUNT_ATTR_NOEXEC},
	{"noiversion", iversion, true, 0},
	{"nolazytime", superFlag, true, uint64(sbLazytime)},
	{"nomand", superFlag, true, uint64(sbMand)},
	{"norelatime", atime, true, unix.MOUNT_ATTR_RELATIME},
	{"nostrictatime", atime, true, unix.MOUNT_ATTR_STRICTATIME},
	{"nosuid", attr, false, unix.MOUNT_ATTR_NOSUID},
	{"nosymfollow", attr, false, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"private", propagation, false, unix.MS_PRIVATE},
	{"ratime", recAtime, true, unix.MOUNT_ATTR_NOATIME},
	{"rbind", bind, false, 1},
	{"rdev", recAttr, true, unix.MOUNT_ATTR_NODEV},
	{"rdiratime", recAttr, true, unix.MOUNT_ATTR_NODIRATIME},
	{"relatime", atime, false, unix.MOUNT_ATTR_RELATIME},
	{"remount", remount, false, 0},
	{"rexec", recAttr, true, unix.MOUNT_ATTR_NOEXEC},
	{"ridmap", recIDMap, false, 0},
	{"rnoatime", recAtime, false, unix.MOUNT_ATTR_NOATIME},
	{"rnodev", recAttr, false, unix.MOUNT_ATTR_NODEV},
	{"rnodiratime", recAttr, false, unix.MOUNT_ATTR_NODIRATIME},
	{"rnoexec", recAttr, false, unix.MOUNT_ATTR_NOEXEC},
	{"rnorelatime", recAtime, true, unix.MOUNT_ATTR_RELATIME},
	{"rnostrictatime", recAtime, true, unix.MOUNT_ATTR_STRICTATIME},
	{"rnosuid", recAttr, false, unix.MOUNT_ATTR_NOSUID},
	{"rnosymfollow", recAttr, false, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"ro", attr, false, unix.MOUNT_ATTR_RDONLY},
	{"rprivate", recPropagation, false, unix.MS_PRIVATE},
	{"rrelatime", recAtime, false, unix.MOUNT_ATTR_RELATIME},
	{"rro", recAttr, false, unix.MOUNT_ATTR_RDONLY},
	{"rrw", recAttr, true, unix.MOUNT_ATTR_RDONLY},
	{"rshared", recPropagation, false, unix.MS_SHARED},
	{"rslave", recPropagation, false, unix.MS_SLAVE},
	{"rstrictatime", recAtime, false, unix.MOUNT_ATTR_STRICTATIME},
	{"rsuid", recAttr, true, unix.MOUNT_ATTR_NOSUID},
	{"rsymfollow", recAttr, true, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"runbindable", recPropagation, false, unix.MS_UNBINDABLE},
	{"rw", attr, true, unix.MOUNT_ATTR_RDONLY},
	{"shared", propagation, false, unix.MS_SHARED},
	{"silent", silent, false, 0},
	{"slave", propagation, false, unix.MS_SLAVE},
	{"strictatime", atime, false, unix.MOUNT_ATTR_STRICTATIME},
	{"suid", attr, true, unix.MOUNT_ATTR_NOSUID},
	{"symfollow", attr, true, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", superFlag, false, uint64(sbSync)},
	{"tmpcopyup", copyUp, false, 0},
	{"unbindable", propagation, false, unix.MS_UNBINDABLE},
}

// lookup finds a word.
func lookup(word string) (entry, bool) {
	i := sort.Search(len(words), func(i int) bool { return words[i].word >= word })
	if i == len(words) || words[i].word != word {
		return entry{}, false
	}
	return words[i], true
}

// IsAtime tells whether a word is about the time of access of files, of the mount alone.
func IsAtime(word string) bool {
	e, ok := lookup(word)
	return ok && e.kind == atime
}

// Words returns every word that Parse knows, sorted, for `features`.
func Words() []string {
	list := make([]string, len(words))
	for i := range words {
		list[i] = words[i].word
	}
	return list
}

// superblock is a set of the flags that every superblock has.
type superblock uint8

const (
	sbReadonly superblock = 1 << iota
	sbSync
	sbDirsync
	sbLazytime
	sbMand
)

// superblockWords is sorted by word.
var superblockWords = [...]struct {
	word string
	bit  superblock
	flag uintptr
}{
	{"dirsync", sbDirsync, unix.MS_DIRSYNC},
	{"lazytime", sbLazytime, unix.MS_LAZYTIME},
	{"mand", sbMand, unix.MS_MANDLOCK},
	{"ro", sbReadonly, unix.MS_RDONLY},
	{"sync", sbSync, unix.MS_SYNCHRONOUS},
}

func (s *superblock) set(bit superblock, on bool) {
	if on {
		*s |= bit
	} else {
		*s &^= bit
	}
}

func (s superblock) words() []string {
	var list []string
	for _, w := range superblockWords {
		if s&w.bit != 0 {
			list = append(list, w.word)
		}
	}
	return list
}

func superblockFlag(word string) uintptr {
	for _, w := range superblockWords {
		if w.word == word {
			return w.flag
		}
	}
	return 0
}
