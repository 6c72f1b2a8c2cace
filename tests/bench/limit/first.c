/*
 * The program that the runtime executes from a sealed memfd, as rung's tape is one
 * (docs/adr/0017): it clones the first process, which becomes the user's.
 *
 *	player TAPE PROGRESS CGROUP PEER GATE STATUS CONTROL KEYRING
 */
#include <linux/capability.h>
#include <linux/mount.h>

#include "kernel.h"

enum { Tape, Progress, Cgroup, Peer, Gate, Status, Control, Fds };

/* keep closes all descriptors from 3 on but the sorted ones. */
static void keep(const int *fds, int n)
{
	int from = 3;
	for (int i = 0; i < n; i++) {
		if (fds[i] > from)
			must("close_range", call(SYS_close_range, from, fds[i] - 1, 0));
		from = fds[i] + 1;
	}
	must("close_range", call(SYS_close_range, from, ~0u, 0));
}

/* defaults undoes what the runtime did to signals. */
static void defaults(void)
{
	unsigned long none = 0, action[4] = {0};
	for (int sig = 1; sig < 65; sig++)
		if (sig != SIGKILL && sig != 19)
			must("sigaction", call(SYS_rt_sigaction, sig, action, 0, 8));
	must("sigprocmask", call(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8));
}

/* namespaces makes what only a process inside of them can. */
static void namespaces(const int *fd, const char *keyring)
{
	static const char *const proc[] = {"source", "proc", 0};
	static const char *const cgroup[] = {"source", "cgroup", 0};
	int mounts[2];
	must("cgroup namespace", call(SYS_unshare, CLONE_NEWCGROUP));
	must("hostname", call(SYS_sethostname, "rung", 4));
	mounts[0] = must("fsmount", call(SYS_fsmount, fsmake("proc", proc), FSMOUNT_CLOEXEC, 0));
	mounts[1] = must("fsmount", call(SYS_fsmount, fsmake("cgroup2", cgroup), FSMOUNT_CLOEXEC, RDONLY | NOSUID | NODEV | NOEXEC));
	send(fd[Peer], mounts, 2);
	must("network namespace", call(SYS_unshare, CLONE_NEWNET));
	send(fd[Peer], 0, 0);
	must("setsid", call(SYS_setsid));
	long key = must("keyring", call(SYS_keyctl, 1 /* JOIN_SESSION_KEYRING */, keyring));
	must("keyring", call(SYS_keyctl, 5 /* SETPERM */, key, 0x3f0b0000));
}

/* become takes the user's place: limits, ids, capabilities. */
static void become(const int *fd)
{
	static const unsigned long caps = 1ul << CAP_AUDIT_WRITE | 1ul << CAP_KILL | 1ul << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct sets[2] = {{caps, caps, 0}, {0, 0, 0}};
	unsigned long nofile[2] = {1024, 1024};
	char cwd[4096];
	int kept[] = {fd[Gate], fd[Status], fd[Control]};
	must("chdir", call(SYS_chdir, "/"));
	keep(kept, 3);
	must("rlimit", call(SYS_prlimit64, 0, RLIMIT_NOFILE, nofile, 0));
	must("no_new_privs", call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must("chdir", call(SYS_chdir, "/"));
	must("keepcaps", call(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0));
	must("setgroups", call(SYS_setgroups, 0, 0));
	must("setresgid", call(SYS_setresgid, 0, 0, 0));
	must("setresuid", call(SYS_setresuid, 0, 0, 0));
	must("keepcaps", call(SYS_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0));
	must("capset", call(SYS_capset, &header, sets));
	must("ambient", call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	must("death signal", call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	must("getcwd", call(SYS_getcwd, cwd, sizeof cwd));
	must("program", call(SYS_faccessat2, AT_FDCWD, "/bin/true", 0, AT_EACCESS));
	call(SYS_openat, AT_FDCWD, "/bin/true/.", O_PATH | O_CLOEXEC, 0);
	must("program", call(SYS_faccessat2, AT_FDCWD, "/bin/true", 1, AT_EACCESS));
}

static void first(const int *fd, struct shared *shared, const char *keyring)
{
	static const char *const argv[] = {"/bin/true", 0};
	static const char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", "HOME=/", 0};
	char byte = 0;
	call(SYS_close, -1), call(SYS_close, -1); /* descriptors that other containers have */
	must("death signal", call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	namespaces(fd, keyring);
	defaults();
	call(SYS_umask, 022);
	must("affinity", call(SYS_sched_setaffinity, 0, sizeof shared->mask, shared->mask));
	static const unsigned long bounding = 1ul << CAP_AUDIT_WRITE | 1ul << CAP_KILL | 1ul << CAP_NET_BIND_SERVICE;
	for (int cap = 0; cap < 64; cap++)
		if (!(bounding >> cap & 1))
			call(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
	receive(fd[Peer], 0, 0); /* the root file system is there */
	become(fd);
	must("ready", call(SYS_write, fd[Control], &byte, 1));
	must("go on", call(SYS_read, fd[Control], &byte, 1));
	must("death signal", call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0));
	call(SYS_write, fd[Control], &byte, 1); /* who is told may be gone */
	call(SYS_close, fd[Control]);
	must("gate", call(SYS_read, fd[Gate], &byte, 1));
	call(SYS_close, fd[Gate]);
	must("execve", call(SYS_execve, "/bin/true", argv, env));
}

void start(long *stack)
{
	char **argv = (char **)(stack + 1);
	int fd[Fds];
	for (int i = 0; i < Fds; i++)
		fd[i] = number(argv[1 + i]);
	/* Where rung has them: beside the program, so that page tables are few. */
	struct shared *shared = (void *)must("mmap", call(SYS_mmap, 0x10000000, TAPE, PROT_RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd[Tape], 0));
	must("mmap", call(SYS_mmap, 0xe000000, 4096, PROT_RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd[Progress], 0));
	must("undumpable", call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
	must("name", call(SYS_prctl, PR_SET_NAME, "limit:init", 0, 0, 0));
	must("close_range", call(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC));
	struct clone_args args = {
		.flags = CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_INTO_CGROUP | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID,
		.parent_tid = (unsigned long)&shared->pid,
		.cgroup = fd[Cgroup],
	};
	if (must("clone3", call(SYS_clone3, &args, sizeof args)))
		call(SYS_exit_group, 0);
	first(fd, shared, argv[1 + Fds]);
}
