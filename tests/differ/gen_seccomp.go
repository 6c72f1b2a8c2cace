package differ

import "strings"

// allowed are the calls that the program inside makes, with those of runc's own
// end of a start: it installs the filter before its last calls.
var allowed = strings.Fields(`read write open openat openat2 close fstat newfstatat stat lstat statx poll lseek mmap mprotect munmap brk
	rt_sigaction rt_sigprocmask rt_sigreturn ioctl pread64 access pipe pipe2 select sched_yield madvise dup dup2 dup3 nanosleep getpid
	sendto recvfrom sendmsg recvmsg socket connect clone clone3 fork vfork execve execveat exit exit_group wait4 kill uname fcntl flock fsync
	getdents getdents64 getcwd chdir fchdir rename mkdir rmdir unlink unlinkat symlink readlink readlinkat chmod fchmod umask gettimeofday getrlimit
	getrusage sysinfo times getuid getgid setuid setgid geteuid getegid setpgid getppid getpgrp setsid setgroups getgroups setresuid getresuid
	setresgid getresgid getpgid getsid capget capset sigaltstack personality statfs fstatfs getpriority setpriority sched_getparam
	sched_getscheduler prctl arch_prctl setrlimit sync chroot mount umount2 gettid futex sched_setaffinity sched_getaffinity epoll_create
	set_tid_address epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 clock_gettime clock_nanosleep tgkill tkill set_robust_list
	get_robust_list prlimit64 getrandom rseq keyctl seccomp faccessat faccessat2 close_range eventfd2 restart_syscall setfsuid setfsgid
	chown fchown lchown fchownat ppoll pselect6 waitid signalfd4 memfd_create pidfd_open pidfd_send_signal`)
