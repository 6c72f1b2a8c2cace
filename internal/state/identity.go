package state

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/nsenter"
)

// Who the first process is stands a second time behind its progress record, which nobody
// else writes and which isn't text: a container whose state.json is damaged can still be
// ended.
const (
	identityAt    = int64(nsenter.ProgressSize)
	identitySize  = 48
	identityShort = 32                 // without the serial number and the pid namespace, as it was
	identityMagic = 0x79746974676e7572 // "rungtity"
)

// WriteIdentity writes down who the first process is.
func (e *Entry) WriteIdentity(r *Record) error {
	b := make([]byte, 0, identitySize)
	for _, v := range []uint64{identityMagic, uint64(r.PID), r.Start, hash(r.BootID), r.Serial, r.PIDs} {
		b = binary.NativeEndian.AppendUint64(b, v)
	}
	fd, err := e.OpenFile(ProgressName, unix.O_WRONLY|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	n, err := unix.Pwrite(fd, b, identityAt)
	if err == nil && n != len(b) {
		err = unix.ENOSPC
	}
	if err != nil {
		return fmt.Errorf("write %s/%s: %w", e.Dir, ProgressName, err)
	}
	return nil
}

// Identity is the first process by what WriteIdentity has written, as a record that says
// nothing else; nil if nothing was, or what there is can't be read.
func (e *Entry) Identity(host proc.FS) *Record {
	r, of := e.identity()
	if r == nil {
		return nil
	}
	if boot, err := BootID(host); err == nil && hash(boot) == of {
		r.BootID = boot // else of another boot: no process of that
	}
	return r
}

// identity reads what WriteIdentity has written.
func (e *Entry) identity() (r *Record, boot uint64) {
	fd, err := e.OpenFile(ProgressName, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, 0
	}
	defer unix.Close(fd)
	b := make([]byte, identitySize)
	n, err := unix.Pread(fd, b, identityAt)
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(b[8*i:]) }
	if err != nil || n < identityShort || word(0) != identityMagic || word(1) <= 1 || word(1) > 1<<30 {
		return nil, 0
	}
	return &Record{ID: e.ID, PID: int(word(1)), Start: word(2), Serial: word(4), PIDs: word(5)}, word(3)
}

func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}
