package launch

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spawn"
)

// errForeign is of a process that memory names which others have written to.
var errForeign = errors.New("the process that the tape has made is none of ours: its memory was changed by another process")

// ours is an error unless a process is a child of ours. Its number comes from memory that is shared with processes which play a tape: who is in the pid
// namespace of one and has CAP_SYS_PTRACE writes there what he likes, and would have us signal, enter or record any process of the host's.
// What the kernel says nobody can change.
func ours(pid int) error {
	if !spawn.IsChild(pid) {
		return errForeign
	}
	return nil
}

// within is an error if a process is in another pid namespace than it was made in: then it is a child of ours, but of another container's. Who
// may not look (undumpable processes, without CAP_SYS_PTRACE) goes without, and so does who doesn't know which it is: ns is nil.
func within(host proc.FS, pid int, ns *unix.Stat_t) error {
	if ns == nil {
		return nil
	}
	var st unix.Stat_t
	err := unix.Fstatat(host.FD, proc.PID(pid, "ns/pid"), &st, 0)
	if err == nil && (st.Dev != ns.Dev || st.Ino != ns.Ino) {
		return errForeign
	}
	return nil
}
