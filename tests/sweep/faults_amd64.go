package sweep

import "golang.org/x/sys/unix"

// spared are calls that can't fail, or that end a process.
var spared = map[uint64]bool{
	unix.SYS_EXIT: true, unix.SYS_EXIT_GROUP: true, unix.SYS_GETPID: true, unix.SYS_GETTID: true, unix.SYS_GETUID: true, unix.SYS_GETEUID: true,
	unix.SYS_GETGID: true, unix.SYS_GETEGID: true, unix.SYS_GETPPID: true, unix.SYS_UMASK: true, unix.SYS_SCHED_YIELD: true, unix.SYS_RT_SIGRETURN: true,
	unix.SYS_SET_TID_ADDRESS: true, unix.SYS_RESTART_SYSCALL: true,
}

// runtimes are the Go runtime's own calls, which it makes when it likes and whose failure it doesn't survive with a
// line of ours. What is left then is judged all the same.
var runtimes = map[uint64]bool{
	unix.SYS_FUTEX: true, unix.SYS_MMAP: true, unix.SYS_MUNMAP: true, unix.SYS_MADVISE: true, unix.SYS_CLONE: true, unix.SYS_CLONE3: true,
	unix.SYS_RT_SIGACTION: true, unix.SYS_RT_SIGPROCMASK: true, unix.SYS_SIGALTSTACK: true, unix.SYS_NANOSLEEP: true, unix.SYS_TGKILL: true,
	unix.SYS_ARCH_PRCTL: true, unix.SYS_MPROTECT: true, unix.SYS_SCHED_GETAFFINITY: true, unix.SYS_EVENTFD2: true, unix.SYS_EPOLL_CREATE1: true, unix.SYS_EPOLL_CTL: true, unix.SYS_EPOLL_PWAIT: true, unix.SYS_CLOCK_GETTIME: true,
}

// ofGo tells whether a fault is at one of these, or at the look at the standard descriptors with which Go begins.
func ofGo(f *fault) bool {
	return runtimes[f.at.nr] || f.at.nr == unix.SYS_FCNTL && f.at.who == 0 && f.at.nth < 3
}

// few is how often one of the Go runtime's calls is had to fail: they don't come in the same order each time.
const few = 3

// plausible are errors that a call may have.
func plausible(nr uint64) []unix.Errno {
	switch nr {
	case unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_PIPE2, unix.SYS_SOCKETPAIR, unix.SYS_SOCKET, unix.SYS_MEMFD_CREATE, unix.SYS_DUP3, unix.SYS_PIDFD_OPEN,
		unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FCNTL:
		return []unix.Errno{unix.EMFILE, unix.ENOMEM, unix.EACCES, unix.EIO}
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_SENDMSG, unix.SYS_SENDTO, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE:
		return []unix.Errno{unix.ENOSPC, unix.EIO, unix.EINTR, unix.EBUSY}
	case unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_RECVMSG, unix.SYS_RECVFROM, unix.SYS_GETDENTS64:
		return []unix.Errno{unix.EIO, unix.EINTR}
	case unix.SYS_WAIT4, unix.SYS_WAITID:
		// The kernel has no other for a child that there is. If there were, that would stay a zombie, for which a first process
		// in whose pid namespace it is can't end.
		return []unix.Errno{unix.EINTR}
	case unix.SYS_PPOLL, unix.SYS_POLL, unix.SYS_EPOLL_PWAIT, unix.SYS_FLOCK:
		return []unix.Errno{unix.EINTR, unix.ENOMEM}
	case unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_UNSHARE:
		return []unix.Errno{unix.EAGAIN, unix.ENOMEM}
	case unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_SYMLINKAT, unix.SYS_LINKAT, unix.SYS_RENAMEAT2, unix.SYS_RENAMEAT:
		return []unix.Errno{unix.ENOSPC, unix.EACCES}
	case unix.SYS_UNLINKAT, unix.SYS_RMDIR, unix.SYS_UMOUNT2, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT:
		return []unix.Errno{unix.EBUSY, unix.EPERM, unix.ENOMEM}
	case unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE:
		return []unix.Errno{unix.EINTR}
	}
	return []unix.Errno{unix.EPERM, unix.ENOMEM}
}
