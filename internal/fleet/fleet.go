// Package fleet finds the containers of this host in the state directories of whatever runtime has made them: rung, runc, crun or youki. It reads, and
// nothing else: it takes no lock, and opens nothing but regular files.
//
// What others have written is believed as little as it takes. No link below a directory is followed and no mount entered, nothing is read
// beyond a limit, ids are those that a runtime takes, cgroups lie where cgroups are mounted, and a process has to have begun when it is said to have.
// Who may write to a state directory can still have a container shown as using what another one uses.
package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/gauge"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
)

// A Container is one that lives.
type Container struct {
	ID      string
	Root    string // state directory
	PID     int
	Created bool // it waits for start
	Place   gauge.Place
}

// A Fleet looks at directories again and again. It reads a container's files only if they are others than before.
type Fleet struct {
	roots  []Root
	host   proc.FS
	boot   string
	layout *cgroups.Layout
	known  map[where]*entry
	left   int // bytes that may still be read in this round
}

// round is as much as is read in a round. What is known isn't read again, so that all is read in the end.
const round = 256 << 20

// where is a container's directory, relative to one of the roots.
type where struct{ root, id string }

// entry is what is known of a directory.
type entry struct {
	stamp  stamp
	record record
	place  gauge.Place
	begun  bool  // it has been started
	err    error // why it can't be read
	seen   bool
}

// stamp tells one file from another, and from itself once it is written anew.
type stamp struct {
	inode   uint64
	size    int64
	changed unix.Timespec
}

// Open begins to look at the containers of directories.
func Open(roots []Root) (*Fleet, error) {
	host, err := proc.Open()
	if err != nil {
		return nil, err
	}
	f := &Fleet{roots: roots, host: host, known: make(map[where]*entry)}
	if f.boot, err = state.BootID(host); err == nil {
		f.layout, err = cgroups.Detect()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close ends it.
func (f *Fleet) Close() { unix.Close(f.host.FD) }

// Living lists the containers that live, by their roots and ids, and says of what else there is why it isn't among them. Containers that have
// ended, and those that are being made, are none of both; ended counts the former.
func (f *Fleet) Living() (list []Container, ended int, notes []string) {
	for _, e := range f.known {
		e.seen = false
	}
	twice := make(map[inode]bool)
	f.left = round
	for _, root := range f.roots {
		for _, dir := range root.directories() {
			living, dead, more := f.look(dir, twice)
			list, ended, notes = append(list, living...), ended+dead, append(notes, more...)
		}
	}
	for at, e := range f.known {
		if !e.seen {
			delete(f.known, at)
		}
	}
	return list, ended, notes
}

// inode names a directory whatever its path.
type inode struct{ device, number uint64 }

// look looks at the containers of a directory, unless somebody has looked there in the same round.
func (f *Fleet) look(dir directory, twice map[inode]bool) (list []Container, ended int, notes []string) {
	fd, err := dir.open()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) && !dir.trusted {
		return nil, 0, nil
	}
	var st unix.Stat_t
	if err == nil {
		defer unix.Close(fd)
		err = unix.Fstat(fd, &st)
	}
	if err != nil {
		return nil, 0, []string{fmt.Sprintf("list containers of %s: %v", dir.path, err)}
	}
	at := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // narrower elsewhere
	if twice[at] {
		return nil, 0, nil
	}
	twice[at] = true
	names, err := names(fd)
	if err != nil {
		notes = append(notes, fmt.Sprintf("list containers of %s: %v", dir.path, err))
	}
	for _, id := range names {
		e := f.entry(fd, where{dir.path, id})
		switch {
		case e == nil:
		case e.err != nil:
			notes = append(notes, fmt.Sprintf("container %s of %s: %v", id, dir.path, e.err))
		case !f.alive(&e.record):
			ended++
		default:
			if !e.begun {
				e.begun = !waits(fd, id)
			}
			list = append(list, Container{ID: id, Root: dir.path, PID: e.record.pid, Created: !e.begun, Place: e.place})
		}
	}
	return list, ended, notes
}

// entry is what is known of a directory, nil if it is no container's, or not yet.
func (f *Fleet) entry(root int, at where) *entry {
	dir, err := open(root, at.id, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil // a file, a link, or gone
	}
	defer unix.Close(dir)
	name, now := written(dir)
	if name == "" {
		return nil
	}
	e := f.known[at]
	if e == nil || e.stamp != now {
		if e = (&entry{stamp: now, seen: true}); int64(f.left) < min(now.size, mostBytes) {
			e.err = errors.New("there is too much to read at once")
			return e
		}
		f.left -= int(min(now.size, mostBytes))
		e.record, e.err = load(dir, name)
		if e.err == nil {
			e.place, e.err = f.place(&e.record)
		}
		f.known[at] = e
	}
	e.seen = true
	return e
}

// written is the file of a directory that says which container that is, "" if there is none.
func written(dir int) (name string, now stamp) {
	for _, name := range []string{stateFile, crunFile} {
		var st unix.Stat_t
		if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
			return name, stamp{st.Ino, st.Size, st.Mtim}
		}
	}
	return "", stamp{}
}

// alive tells whether a container's first process lives.
func (f *Fleet) alive(r *record) bool {
	if r.pid <= 0 || r.boot != "" && r.boot != f.boot {
		return false
	}
	st, err := f.host.Stat(r.pid)
	return err == nil && !st.Dead() && r.begun(st.Start)
}

// names lists what may be a container's directory, sorted.
func names(dir int) ([]string, error) {
	again, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again), "directory")
	defer f.Close()
	list, err := f.Readdirnames(mostNames)
	if len(list) == mostNames {
		err = fmt.Errorf("there are more than %d files", mostNames)
	}
	list = slices.DeleteFunc(list, func(name string) bool { return state.CheckID(name) != nil || name[0] == '.' })
	slices.Sort(list)
	return list, ignoreEnd(err)
}

// mostNames are as many as are looked at in a directory.
const mostNames = 1 << 14

// open opens what is directly or further below a directory, without links and mounts.
func open(dir int, path string, flags int) (fd int, err error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV}
	err = fdio.Again(func() error { fd, err = unix.Openat2(dir, path, &how); return err })
	return fd, err
}
