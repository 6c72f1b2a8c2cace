package cgfile

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/nap"
)

// RemoveTimeout is how long a manager's Destroy waits for dying processes in all.
const RemoveTimeout = 10 * time.Second

// grace is how long Remove gives a process that shows no sign of dying: it may
// be between its death sentence and the moment /proc tells.
const grace = 100 * time.Millisecond

// Remove removes a cgroup directory and everything below it, deepest first. It
// waits until the deadline for processes that are dying, and only a moment for
// one that isn't. The error names a process that holds the cgroup. A directory
// that is gone is no error.
func Remove(dir string, deadline time.Time) error {
	start := time.Now()
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := removeOnce(dir)
		if err == nil || Gone(err) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("remove cgroup %s: %w", dir, err)
		}
		pid, dying := holder(dir)
		now := time.Now()
		if now.After(deadline) || pid != 0 && !dying && now.Sub(start) > grace {
			if pid == 0 {
				return fmt.Errorf("remove cgroup %s: %w", dir, unix.EBUSY)
			}
			return fmt.Errorf("remove cgroup %s: process %d is still in it: %w", dir, pid, unix.EBUSY)
		}
		nap.Sleep(wait)
	}
}

// removeOnce tries the directory itself first: nearly always nothing is below it.
func removeOnce(dir string) error {
	err := unix.Rmdir(dir)
	if err != unix.EBUSY && err != unix.ENOTEMPTY {
		return err
	}
	d, openErr := OpenDir(dir)
	if openErr != nil {
		return openErr
	}
	defer d.Close()
	removed := false
	if err := d.walk(nil, func(parent Dir, name string) error {
		err := unix.Unlinkat(parent.fd, name, unix.AT_REMOVEDIR)
		if err == nil {
			removed = true
		}
		if err == unix.ENOENT || err == unix.EBUSY {
			return nil
		}
		return err
	}); err != nil {
		return err
	}
	if removed {
		return unix.Rmdir(dir)
	}
	return err
}

// holder returns a process that keeps the cgroup busy, preferably one that
// isn't about to go away by itself.
func holder(dir string) (pid int, dying bool) {
	d, err := OpenDir(dir)
	if err != nil {
		return 0, false
	}
	defer d.Close()
	pids, _ := Pids(d, true)
	for _, p := range pids {
		if pid = p; !Dying(p) {
			return p, false
		}
	}
	return pid, true
}

// Dying tells whether a process is a zombie, is exiting or has a SIGKILL
// waiting, or isn't there at all.
func Dying(pid int) bool {
	d, err := OpenDir(path.Join("/proc", strconv.Itoa(pid)))
	if err != nil {
		return true
	}
	defer d.Close()
	text, err := d.Read("status")
	if err != nil {
		return true
	}
	for line := range strings.SplitSeq(text, "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "State":
			if value != "" && strings.ContainsRune("ZXx", rune(value[0])) {
				return true
			}
		case "SigPnd", "ShdPnd":
			set, err := strconv.ParseUint(value, 16, 64)
			if err == nil && set&(1<<(unix.SIGKILL-1)) != 0 {
				return true
			}
		}
	}
	stat, err := d.Read("stat")
	return err != nil || exiting(stat)
}

// exiting reads the PF_EXITING flag, 0x4 of the ninth field, from /proc/PID/stat.
func exiting(stat string) bool {
	_, rest, ok := cutLast(stat, ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 7 {
		return false
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	return err == nil && flags&0x4 != 0
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
