package launch

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/proc"
)

// errForeign is of a process that memory names which others have written to.
var errForeign = errors.New("the process that the tape has made is none of ours: its memory was changed by another process")

// ours is an error unless a process is a child of ours. Its number comes from memory that is shared with processes which play a tape: who is in the pid
// namespace of one and has CAP_SYS_PTRACE writes there what he likes, and would have us signal, enter or record any process of the host's.
// What the kernel says nobody can change, and no child that isn't reaped loses its number.
func ours(pid int) error {
	var info unix.Siginfo
	err := fdio.Again(func() error {
		return unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	})
	if err != nil {
		return errForeign
	}
	return nil
}

// within is an error if a process is in another pid namespace than it was made in: then it is a child of ours, but of another container's. Who
// may not look (undumpable processes, without CAP_SYS_PTRACE) goes without.
func within(host proc.FS, pid int, ns *unix.Stat_t) error {
	var st unix.Stat_t
	err := unix.Fstatat(host.FD, proc.PID(pid, "ns/pid"), &st, 0)
	if err == nil && (st.Dev != ns.Dev || st.Ino != ns.Ino) {
		return errForeign
	}
	return nil
}
