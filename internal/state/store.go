// Package state keeps what has to be remembered of containers: a directory for
// each, in the runtime's root.
//
// The directory is made by mkdir, which is the test-and-set on the container's
// id, and locked by flock while a verb changes something; the kernel takes the
// lock back when a process dies. Before the first side effect an intent is
// written with all that is needed to undo it, and state.json once the container
// exists. Whether it runs is never stored: see [Entry.Facts].
package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/nap"
)

// The errors that callers tell apart. Engines match on their texts, which are
// runc's.
var (
	ErrExist     = errors.New("container with given ID already exists")
	ErrNotExist  = errors.New("container does not exist")
	ErrInvalidID = errors.New("invalid container ID format")
	ErrBusy      = errors.New("container is being changed by another process")

	errEmptyID = fmt.Errorf("container id cannot be empty: %w", ErrInvalidID)
)

// MaxID is the greatest length of an id: that of a file name.
const MaxID = 255

// CheckID says whether id may name a container, and a directory.
func CheckID(id string) error {
	if id == "" {
		return errEmptyID
	}
	if len(id) > MaxID || id == "." || id == ".." {
		return ErrInvalidID
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '+', c == '-', c == '.':
		default:
			return ErrInvalidID
		}
	}
	return nil
}

// Store is the directory of all containers.
type Store struct{ Root string }

// An Entry is the open directory of one container.
type Entry struct {
	ID  string
	Dir string // its absolute path
	FD  int
}

// The modes of an entry's directory: of one that is somebody's container (others may pass through, and not look), and
// before that.
const (
	entryMode = 0o711
	freshMode = 0o700
)

// Create makes the entry of a new container, locked.
func (s Store) Create(id string) (*Entry, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := MakeRoot(s.Root); err != nil {
		return nil, err
	}
	dir := filepath.Join(s.Root, id)
	if err := unix.Mkdir(dir, freshMode); err != nil {
		if err == unix.EEXIST {
			return nil, ErrExist
		}
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	fault.Point("create:made")
	e, err := s.open(id)
	if errors.Is(err, unix.EACCES) && unix.Chmod(dir, freshMode) == nil { // by our caller's umask, for an ordinary user
		e, err = s.open(id)
	}
	if err != nil {
		_ = unix.Rmdir(dir) // unless somebody has made it his own meanwhile
		return nil, err
	}
	if err = e.Lock(nil); err == nil {
		err = e.claim()
	}
	if err != nil {
		if !errors.Is(err, ErrExist) && !errors.Is(err, ErrNotExist) && !errors.Is(err, ErrBusy) { // nobody else's
			_ = unix.Rmdir(dir)
		}
		e.Close()
		return nil, err
	}
	return e, nil
}

// MakeRoot makes the directory of all containers, mode 0700, and those above it, where
// they are missing.
func MakeRoot(root string) error {
	err := mkdir(root, 0o700)
	if errors.Is(err, unix.ENOENT) && filepath.Dir(root) != root {
		if err := MakeRoot(filepath.Dir(root)); err != nil {
			return err
		}
		err = mkdir(root, 0o700)
	}
	if errors.Is(err, unix.EEXIST) {
		var st unix.Stat_t
		if err = unix.Stat(root, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			err = unix.ENOTDIR
		}
	}
	if err != nil {
		return fmt.Errorf("make state directory: mkdir %s: %w", root, err)
	}
	return nil
}

// mkdir makes a directory of a mode for which our caller's umask doesn't count: with
// some, an ordinary user couldn't open what he has made.
func mkdir(dir string, mode uint32) error {
	err := unix.Mkdir(dir, mode)
	if err == nil {
		err = unix.Chmod(dir, mode)
	}
	return err
}

// Open opens the entry of a container, not locked.
func (s Store) Open(id string) (*Entry, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.open(id)
}

// check refuses a directory that would be another one with another working directory, and none at all.
func (s Store) check() error {
	if !filepath.IsAbs(s.Root) {
		return fmt.Errorf("state directory (Runtime.Root) has to be an absolute path: %q", s.Root)
	}
	return nil
}

func (s Store) open(id string) (*Entry, error) {
	dir := filepath.Join(s.Root, id)
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return nil, notExist(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return &Entry{ID: id, Dir: dir, FD: fd}, nil
}

// IDs lists the containers in alphabetical order.
func (s Store) IDs() ([]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(s.Root)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, d := range list {
		if d.IsDir() && CheckID(d.Name()) == nil {
			ids = append(ids, d.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// lockWait bounds the wait for another verb.
const lockWait = 10 * time.Second

// Lock waits for the entry's lock. It returns ErrNotExist if the container was
// deleted meanwhile, ErrBusy after ten seconds, and what stop says once that says something; nil never does.
func (e *Entry) Lock(stop func() error) error {
	for start, pause := time.Now(), 100*time.Microsecond; ; {
		if err := e.TryLock(); !errors.Is(err, ErrBusy) || time.Since(start) > lockWait {
			return err
		}
		if stop != nil {
			if err := stop(); err != nil {
				return fmt.Errorf("lock %s: %w", e.Dir, err)
			}
		}
		nap.Sleep(pause)
		pause = min(2*pause, 20*time.Millisecond)
	}
}

// TryLock takes the entry's lock if nobody has it: ErrBusy if somebody does, ErrNotExist if the
// container was deleted meanwhile.
func (e *Entry) TryLock() error {
	err := fdio.Again(func() error { return unix.Flock(e.FD, unix.LOCK_EX|unix.LOCK_NB) })
	switch {
	case err == nil:
		return e.exists()
	case errors.Is(err, unix.EWOULDBLOCK):
		return ErrBusy
	}
	return fmt.Errorf("lock %s: %w", e.Dir, err)
}

// Locked tells whether somebody else has the lock.
func (e *Entry) Locked() bool {
	err := unix.Flock(e.FD, unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		e.Unlock()
	}
	return err == unix.EWOULDBLOCK
}

// Unlock gives the lock back, which closing the entry does as well.
func (e *Entry) Unlock() { _ = unix.Flock(e.FD, unix.LOCK_UN) }

// claim makes the locked directory our container's. What has the name needn't be what we have made: a `delete
// --force` and another create may have come between, and then it is theirs, even when nothing is in it any more.
// Each is claimed once.
func (e *Entry) claim() error {
	var st unix.Stat_t
	if err := unix.Fstat(e.FD, &st); err != nil {
		return fmt.Errorf("stat %s: %w", e.Dir, err)
	}
	if st.Mode&entryMode&^freshMode != 0 { // others mean nothing: a directory above may hand its set-group-ID on
		return ErrExist
	}
	if err := unix.Fchmod(e.FD, entryMode); err != nil {
		return fmt.Errorf("chmod %s: %w", e.Dir, err)
	}
	return nil
}

// exists tells whether the directory still has a name.
func (e *Entry) exists() error {
	var st unix.Stat_t
	if err := unix.Fstat(e.FD, &st); err != nil {
		return fmt.Errorf("stat %s: %w", e.Dir, err)
	}
	if st.Nlink == 0 {
		return notExist(e.Dir)
	}
	return nil
}

// notExist is [ErrNotExist] with the name of the container whose directory is missing,
// and where it was looked for: a --root that isn't the one of create is a common mistake.
func notExist(dir string) error {
	return fmt.Errorf("%w: %s in %s", ErrNotExist, filepath.Base(dir), filepath.Dir(dir))
}

// Close closes the entry and gives its lock back.
func (e *Entry) Close() {
	if e.FD >= 0 {
		unix.Close(e.FD)
		e.FD = -1
	}
}

// Remove removes the entry with all that is in it. It needs no memory or disk
// space of the state directory, so it works when that is full. The intent goes
// after all others: what is interrupted can be repeated. Only the mark of poststop hooks goes
// later, for where that is nothing but the entry is left: who finds an intent, and had looked for the
// mark before, knows that what the intent names is the container's.
func (e *Entry) Remove() error {
	names, err := list(e.FD)
	marked := false
	for _, name := range names {
		switch {
		case err != nil:
		case name == poststopName:
			marked = true
		case name != intentName:
			err = unlink(e.FD, name)
		}
	}
	fault.Point("remove:files")
	if err == nil {
		err = unlink(e.FD, intentName)
	}
	fault.Point("remove:intent")
	if err == nil && marked {
		err = unlink(e.FD, poststopName)
	}
	fault.Point("remove:mark")
	if err == nil {
		err = e.rmdir()
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", e.Dir, err)
	}
	return nil
}

// rmdir removes the directory. Who wants to remove it too may just have noted that in it, see [Entry.Doom].
func (e *Entry) rmdir() (err error) {
	for range 10 {
		if err = unix.Rmdir(e.Dir); err != unix.ENOTEMPTY || !e.Doomed() {
			return err
		}
		if err := unlink(e.FD, doomedName); err != nil {
			return err
		}
	}
	return err
}

// Begun tells whether a directory without an intent looks as Create and Remove leave one: of our user and mode,
// and with nothing in it.
func (e *Entry) Begun() (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(e.FD, &st); err != nil {
		return false, fmt.Errorf("stat %s: %w", e.Dir, err)
	}
	if st.Mode&0o777&^entryMode != 0 || int(st.Uid) != os.Geteuid() {
		return false, nil
	}
	names, err := list(e.FD)
	if err != nil {
		return false, fmt.Errorf("list %s: %w", e.Dir, err)
	}
	return len(names) == 0 || len(names) == 1 && (names[0] == temporary(intentName) || names[0] == poststopName), nil
}

// Changed is when the directory last got a file, or lost one.
func (e *Entry) Changed() (time.Time, error) {
	var st unix.Stat_t
	if err := unix.Fstat(e.FD, &st); err != nil {
		return time.Time{}, fmt.Errorf("stat %s: %w", e.Dir, err)
	}
	return time.Unix(st.Mtim.Unix()), nil
}

// removeAll empties a directory of ours. It opens nothing for
// that: what failed for want of descriptors must still be undone.
func removeAll(dir int) error {
	names, err := list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := unlink(dir, name); err != nil {
			return err
		}
	}
	return nil
}

// list lists an open directory.
func list(dir int) (names []string, err error) {
	if _, err := unix.Seek(dir, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	buf := make([]byte, 8192)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// unlink removes what has a name in a directory, whatever it is, and if it is there.
func unlink(dir int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	if errors.Is(err, unix.EISDIR) {
		err = removeDir(dir, name)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func removeDir(dir int, name string) error {
	sub, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(sub)
	if err := removeAll(sub); err != nil {
		return err
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}
