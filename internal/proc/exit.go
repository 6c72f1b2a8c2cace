package proc

import (
	"bytes"
	"errors"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/nap"
)

// ErrStatusUnknown reports a process that has ended, nobody can say any more how.
var ErrStatusUnknown = errors.New("exit status isn't known")

// pidfdInfo is the first version of struct pidfd_info (linux/pidfd.h).
type pidfdInfo struct {
	mask, cgroup uint64
	ids          [11]uint32
	exit         int32
}

const (
	pidfdGetInfo  = 3<<30 | uintptr(unsafe.Sizeof(pidfdInfo{}))<<16 | 0xff<<8 | 11 // PIDFD_GET_INFO, _IOWR(0xff, 11, struct pidfd_info)
	pidfdInfoExit = 1 << 3                                                         // PIDFD_INFO_EXIT
	// reapWait bounds the wait for a parent to reap a process that has ended.
	reapWait = time.Second
)

// WaitStatus waits for the end of the process behind a pidfd, whose pid is given, whoever's child it is. Its wait
// status is read from the process while nobody has reaped it, which takes the right to trace it (proc(5)), and
// afterwards from the pidfd (PIDFD_GET_INFO, Linux 6.15): else it is ErrStatusUnknown.
func (p FS) WaitStatus(pidfd, pid int) (unix.WaitStatus, error) {
	if _, err := fdio.Await(pidfd, time.Time{}); err != nil {
		return 0, err
	}
	for deadline := time.Now().Add(reapWait); ; nap.Sleep(time.Millisecond) {
		status, err := p.zombieStatus(pid)
		if unix.PidfdSendSignal(pidfd, 0, nil, 0) != nil { // reaped: the pid may be another's
			err = unix.ESRCH
		}
		if err == nil {
			return status, nil
		}
		info := pidfdInfo{mask: pidfdInfoExit}
		_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(pidfd), pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
		switch {
		case e == 0 && info.mask&pidfdInfoExit != 0:
			return unix.WaitStatus(info.exit), nil
		case e != 0 || !time.Now().Before(deadline):
			return 0, ErrStatusUnknown
		}
	}
}

// zombieStatus is the wait status of a process that has ended.
func (p FS) zombieStatus(pid int) (unix.WaitStatus, error) {
	// To who may not trace the process the kernel shows a 0 for it. Who may is told something else here.
	if _, err := unix.Readlinkat(p.FD, PID(pid, "ns/net"), make([]byte, 64)); err == unix.EACCES {
		return 0, err
	}
	var buf [2048]byte
	b, err := p.readRecord(PID(pid, "stat"), buf[:])
	if err != nil {
		return 0, err
	}
	st, err := ParseStat(b)
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const exitCode = 52 - 3 // the state is field 3
	if !st.Dead() || len(fields) <= exitCode {
		return 0, ErrStatusUnknown
	}
	n, err := strconv.ParseUint(string(fields[exitCode]), 10, 32)
	return unix.WaitStatus(n), err
}
