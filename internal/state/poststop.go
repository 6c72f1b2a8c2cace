package state

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// poststopName has a byte for each poststop hook that has succeeded, where its number is.
// It is there from the moment on in which nothing but the hooks is left to be done.
const poststopName = "poststop"

// Poststop is what is known of the poststop hooks of a container that is being deleted.
// Where it can't be written down, as on a full disk, it is only not remembered.
type Poststop struct{ file fdio.Own }

// Poststop begins with the hooks, or goes on with those of a delete that was killed.
func (e *Entry) Poststop() Poststop {
	file, _ := fdio.Of(e.OpenFile(poststopName, unix.O_RDWR|unix.O_CREAT|unix.O_NONBLOCK))
	return Poststop{file}
}

// Ran tells whether a hook has succeeded already.
func (p Poststop) Ran(i int) bool {
	var b [1]byte
	n, err := unix.Pread(p.file.FD(), b[:], int64(i))
	return err == nil && n == 1 && b[0] == '+'
}

// Done remembers that a hook has succeeded.
func (p Poststop) Done(i int) { _, _ = unix.Pwrite(p.file.FD(), []byte{'+'}, int64(i)) }

// Close closes the file.
func (p Poststop) Close() { p.file.Close() }

// InPoststop tells whether nothing but poststop hooks is left to be done for the container.
func (e *Entry) InPoststop() bool { return e.has(poststopName) }

// Recorded tells whether the entry has a record. Who looks for it after [Entry.InPoststop] has said no knows that this
// wasn't said of an entry that is being removed, which loses its record first. If it can't be known that is an error: without
// a record nothing of the container is ended.
func (e *Entry) Recorded() (bool, error) {
	err := e.stat(stateName)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return false, fmt.Errorf("stat %s/%s: %w", e.Dir, stateName, err)
	}
	return err == nil, nil
}

func (e *Entry) has(name string) bool { return e.stat(name) == nil }

func (e *Entry) stat(name string) error {
	var st unix.Stat_t
	return unix.Fstatat(e.FD, name, &st, unix.AT_SYMLINK_NOFOLLOW)
}

// doomedName is a file of who removes a container whose creation, or whose start, he has to end for that.
const doomedName = "doomed"

// Doom notes that the container is about to be removed, for who is still making it. Who can't write it down removes it all the same.
func (e *Entry) Doom() {
	if fd, err := e.OpenFile(doomedName, unix.O_WRONLY|unix.O_CREAT); err == nil {
		unix.Close(fd)
	}
}

// Doomed tells whether somebody has noted that.
func (e *Entry) Doomed() bool { return e.has(doomedName) }

// Gone is ErrNotExist if the entry is no longer what has its name.
func (e *Entry) Gone() error {
	var ours, named unix.Stat_t
	if err := unix.Fstat(e.FD, &ours); err != nil {
		return fmt.Errorf("stat %s: %w", e.Dir, err)
	}
	if err := unix.Lstat(e.Dir, &named); err == unix.ENOENT || err == nil && (ours.Ino != named.Ino || ours.Dev != named.Dev) {
		return notExist(e.Dir)
	} else if err != nil {
		return fmt.Errorf("stat %s: %w", e.Dir, err)
	}
	return nil
}
