package state

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/nsenter"
)

// Paused is the status of a frozen container. The runtime-spec doesn't have it,
// all engines know it.
const Paused specs.ContainerState = "paused"

// Facts are what the status of a container follows from.
type Facts struct {
	Alive  bool // its first process lives and is the one that was recorded
	Gated  bool // it waits for start
	Frozen bool
}

// Status derives the status.
func (f Facts) Status() specs.ContainerState {
	switch {
	case !f.Alive:
		return specs.StateStopped
	case f.Frozen:
		return Paused
	case f.Gated:
		return specs.StateCreated
	default:
		return specs.StateRunning
	}
}

// Facts finds out all but Frozen, which the cgroup knows.
func (e *Entry) Facts(r *Record, fs proc.FS) (Facts, error) {
	alive, err := r.Alive(fs)
	if err != nil || !alive {
		return Facts{}, err
	}
	p, err := e.Progress()
	if err != nil {
		return Facts{}, err
	}
	return Facts{Alive: true, Gated: p.Phase <= nsenter.PhaseWaiting}, nil
}

// Progress reads the first process's progress record.
func (e *Entry) Progress() (nsenter.Progress, error) {
	fd, err := e.OpenFile(ProgressName, unix.O_RDONLY|unix.O_NONBLOCK)
	if err == nil {
		err = e.expect(fd, ProgressName, unix.S_IFREG, "regular file")
	}
	if err != nil {
		return nsenter.Progress{}, err
	}
	defer unix.Close(fd)
	return nsenter.ReadProgress(fd)
}

// Alive tells whether the recorded process lives: the same pid, started at the
// same time of the same boot, with the same serial number, and not a zombie.
func (r *Record) Alive(fs proc.FS) (bool, error) {
	if alive, err := r.started(fs); err != nil || !alive || r.Serial == 0 {
		return alive, err
	}
	fd, err := r.open()
	if errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	return r.sameSerial(fd)
}

// started tells whether a process lives that has the recorded pid and time of start.
func (r *Record) started(fs proc.FS) (bool, error) {
	if r.PID <= 0 {
		return false, nil
	}
	st, err := fs.Stat(r.PID)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if st.Dead() || st.Start != r.Start {
		return false, nil
	}
	if r.Serial == 0 && r.Elsewhere(fs) { // nothing else tells it from a process of ours that began at the same time
		return false, nil
	}
	other, err := r.OfAnotherBoot(fs)
	return err == nil && !other, err
}

// Elsewhere tells whether the recorded pid is of another pid namespace than ours, where whoever has it isn't who was recorded.
func (r *Record) Elsewhere(fs proc.FS) bool { return r.PIDs != 0 && r.PIDs != fs.PIDNamespace() }

// sameSerial tells whether the process behind a pidfd isn't another one that was started within the same clock tick.
func (r *Record) sameSerial(pidfd int) (bool, error) {
	if r.Serial == 0 {
		return true, nil
	}
	now, err := proc.SerialOf(pidfd)
	return now == r.Serial, err
}

// open opens a process with the recorded pid; unix.ESRCH if there is none.
func (r *Record) open() (int, error) {
	fd, err := unix.PidfdOpen(r.PID, 0)
	switch {
	case err == nil:
		return fd, nil
	// A thread of some process has the pid now: ENOENT since Linux 6.15, before
	// EINVAL.
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		return -1, unix.ESRCH
	}
	return -1, fmt.Errorf("open pidfd of process %d: %w", r.PID, err)
}

// Pidfd opens the recorded process, and checks afterwards that it is the one:
// what the descriptor refers to can't change any more. A process that is gone
// gives unix.ESRCH.
func (r *Record) Pidfd(fs proc.FS) (int, error) {
	if r.PID <= 0 {
		return -1, unix.ESRCH
	}
	fd, err := r.open()
	if err != nil {
		return -1, err
	}
	alive, err := r.started(fs)
	if err == nil && alive {
		alive, err = r.sameSerial(fd)
	}
	if err != nil || !alive {
		unix.Close(fd)
		if err == nil {
			err = unix.ESRCH
		}
		return -1, err
	}
	return fd, nil
}

// Unreaped opens the recorded process if it has ended and nobody has waited for it: its status can be had still. Else it
// gives unix.ESRCH.
func (r *Record) Unreaped(fs proc.FS) (int, error) {
	if r.PID <= 0 {
		return -1, unix.ESRCH
	}
	fd, err := r.open()
	if err != nil {
		return -1, err
	}
	st, err := fs.Stat(r.PID)
	same := err == nil && st.Dead() && st.Start == r.Start
	if same {
		same, err = r.sameSerial(fd)
	}
	if same && err == nil {
		var other bool
		other, err = r.OfAnotherBoot(fs)
		same = !other
	}
	if err != nil || !same {
		unix.Close(fd)
		return -1, unix.ESRCH
	}
	return fd, nil
}

// bootID is what BootID has read: it is the same as long as we live.
var bootID atomic.Pointer[string]

// BootID names the time since the last boot.
func BootID(fs proc.FS) (string, error) {
	if known := bootID.Load(); known != nil {
		return *known, nil
	}
	b, err := fs.ReadFile("sys/kernel/random/boot_id", 64)
	if errors.Is(err, unix.ENOENT) {
		return "", fmt.Errorf("read boot id: %w: /proc is mounted with subset=pid, it seems, and no other can be mounted", err)
	}
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	id := strings.TrimSpace(string(b))
	bootID.Store(&id)
	return id, nil
}
