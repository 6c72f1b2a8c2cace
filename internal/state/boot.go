package state

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
)

// OfAnotherBoot tells whether the container was made before the last boot. Then nothing of
// it lives or is mounted any more: whatever has its pids, its cgroups' names or those of its
// groups now is somebody else's.
func (r *Record) OfAnotherBoot(fs proc.FS) (bool, error) {
	boot, err := BootID(fs)
	return err == nil && boot != r.BootID, err
}

// OfAnotherBoot is the same of an entry without a record, by its intent, nil if that can't
// be read. A power cut leaves files empty that weren't on the disk yet, so what says nothing
// is of the time that its files are of.
func (e *Entry) OfAnotherBoot(i *Intent, fs proc.FS) (bool, error) {
	boot, err := BootID(fs)
	if err != nil {
		return false, err
	}
	if i != nil && i.BootID != "" {
		return i.BootID != boot, nil
	}
	if r, of := e.identity(); r != nil {
		return of != hash(boot), nil
	}
	return e.olderThanBoot()
}

// olderThanBoot tells whether one of the files that a create writes, and nobody after it, is
// older than the time since the last boot.
func (e *Entry) olderThanBoot() (bool, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return false, fmt.Errorf("read time since boot: %w", err)
	}
	booted := time.Now().Add(-time.Duration(up.Nano()))
	for _, name := range []string{intentName, ConfigName, GateName, StatusName, ProgressName} {
		var st unix.Stat_t
		if unix.Fstatat(e.FD, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		if time.Unix(st.Mtim.Unix()).Before(booted) {
			return true, nil
		}
	}
	return false, nil
}
