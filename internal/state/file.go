package state

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// The files of an entry.
const (
	intentName    = "intent.json"
	stateName     = "state.json"
	ConfigName    = "config.json"    // the configuration as it was at create
	ResourcesName = "resources.json" // linux.resources after the last update; no such file before
	ProgressName  = "progress"       // the first process's progress record
	GateName      = "gate"           // FIFO: a byte lets the first process go
	StatusName    = "status"         // FIFO: closed when the user's program runs
	besideName    = "beside"         // the id of the container beside which this one is run, by debug
	NotifyName    = "notify"         // directory of the sd_notify socket
)

// maxFile bounds what is read back. A state directory is trusted, a damaged
// one must not take all memory.
const maxFile = 64 << 20

// WriteFile writes a file of the entry, mode 0600, under a temporary name first
// so that nobody sees half of it, whoever is killed. It isn't flushed to disk:
// after a power loss nothing that it names exists any more, and a damaged
// record is no obstacle to `delete --force` (docs/adr/0007).
func (e *Entry) WriteFile(name string, data []byte) error {
	if err := e.prepare(name, data); err != nil {
		return err
	}
	return e.Commit(name)
}

// Prepare is the part of a write that can run out of space: nobody sees the
// file until Commit. Drop forgets it. It is the entry's owner's, whoever writes.
func (e *Entry) Prepare(name string, data []byte) error {
	var st unix.Stat_t
	if err := unix.Fstat(e.FD, &st); err != nil {
		return fmt.Errorf("stat %s: %w", e.Dir, err)
	}
	if err := e.prepare(name, data); err != nil {
		return err
	}
	if int(st.Uid) != os.Geteuid() {
		if err := unix.Fchownat(e.FD, temporary(name), int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			e.Drop(name)
			return fmt.Errorf("change owner of %s/%s: %w", e.Dir, name, err)
		}
	}
	return nil
}

func (e *Entry) prepare(name string, data []byte) error {
	if err := e.writeNew(temporary(name), data); err != nil {
		e.Drop(name)
		return fmt.Errorf("write %s/%s: %w", e.Dir, name, err)
	}
	return nil
}

// Commit puts a prepared file in its place.
func (e *Entry) Commit(name string) error {
	if err := unix.Renameat(e.FD, temporary(name), e.FD, name); err != nil {
		e.Drop(name)
		return fmt.Errorf("write %s/%s: %w", e.Dir, name, err)
	}
	return nil
}

// Drop removes a prepared file.
func (e *Entry) Drop(name string) { unix.Unlinkat(e.FD, temporary(name), 0) }

func temporary(name string) string { return "." + name + ".tmp" }

func (e *Entry) writeNew(name string, data []byte) error {
	fd, err := unix.Openat(e.FD, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchmod(fd, 0o600); err != nil {
		return err
	}
	return fdio.WriteAll(fd, data)
}

var errNotRegular = errors.New("not a regular file")

// ReadFile reads a file of the entry.
func (e *Entry) ReadFile(name string) ([]byte, error) {
	data, err := e.read(name)
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", e.Dir, name, err)
	}
	return data, nil
}

func (e *Entry) read(name string) ([]byte, error) {
	fd, err := unix.Openat(e.FD, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, errNotRegular
	case st.Size > maxFile:
		return nil, unix.EFBIG
	}
	return fdio.ReadAll(fd, int(st.Size), int(st.Size))
}

// MakeFifo makes a FIFO and opens it for reading and writing, which never
// blocks.
func (e *Entry) MakeFifo(name string) (int, error) {
	err := unix.Mknodat(e.FD, name, unix.S_IFIFO|0o600, 0)
	if err == nil {
		err = unix.Fchmodat(e.FD, name, 0o600, 0) // whatever our caller's umask is
	}
	if err != nil {
		return -1, fmt.Errorf("make %s/%s: %w", e.Dir, name, err)
	}
	return e.OpenFile(name, unix.O_RDWR)
}

// OpenFifo opens a FIFO of the entry for one direction. It doesn't wait for the
// other end, nor do reads and writes.
func (e *Entry) OpenFifo(name string, flags int) (int, error) {
	fd, err := e.OpenFile(name, flags|unix.O_NONBLOCK)
	if err == nil {
		err = e.expect(fd, name, unix.S_IFIFO, "FIFO")
	}
	return fd, err
}

// expect closes the descriptor of a file that isn't of the type.
func (e *Entry) expect(fd int, name string, kind uint32, word string) error {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT != kind {
		err = errors.New("not a " + word)
	}
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("open %s/%s: %w", e.Dir, name, err)
	}
	return nil
}

// MakeFile makes an empty file, mode 0600, and opens it for reading and writing.
func (e *Entry) MakeFile(name string) (int, error) {
	fd, err := e.OpenFile(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if err == nil {
		if err = unix.Fchmod(fd, 0o600); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("make %s/%s: %w", e.Dir, name, err)
		}
	}
	return fd, err
}

// OpenFile opens a file of the entry. The descriptor is the caller's.
func (e *Entry) OpenFile(name string, flags int) (int, error) {
	fd, err := unix.Openat(e.FD, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, fmt.Errorf("open %s/%s: %w", e.Dir, name, err)
	}
	return fd, nil
}

// Unlink removes a file of the entry; one that isn't there is fine.
func (e *Entry) Unlink(name string) error {
	if err := unix.Unlinkat(e.FD, name, 0); err != nil && err != unix.ENOENT {
		return fmt.Errorf("remove %s/%s: %w", e.Dir, name, err)
	}
	return nil
}
