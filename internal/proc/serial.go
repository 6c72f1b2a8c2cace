package proc

import "golang.org/x/sys/unix"

// Serial is the number by which the kernel tells a process from all others since its boot (the inode of its pidfd, Linux 6.9; on 32-bit machines
// the half of it): a pid comes again, and within a clock tick so does a time of start. It is 0 where the kernel has none. The error is
// [unix.ESRCH] if there is no such process.
func Serial(pid int) (uint64, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.EINVAL || err == unix.ENOENT { // a thread of some process has the pid: ENOENT since Linux 6.15
		err = unix.ESRCH
	}
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	const pidfs = 0x50494446 // PID_FS_MAGIC
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil || uint32(fs.Type) != pidfs {
		return 0, err
	}
	return SerialOf(fd)
}

// PIDNamespace is the inode of our own pid namespace, 0 if it can't be known.
func (p FS) PIDNamespace() uint64 {
	var st unix.Stat_t
	if unix.Fstatat(p.FD, "self/ns/pid", &st, 0) != nil {
		return 0
	}
	return st.Ino
}

// SerialOf is the [Serial] of the process behind a pidfd, if that isn't 0.
func SerialOf(pidfd int) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(pidfd, &st)
	return st.Ino, err
}
