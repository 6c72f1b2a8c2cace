/*
 * The limit: the kernel calls of `rung run` of the bench's default bundle on cgroup2,
 * checks and all, and nothing of what Go adds. make bench measures it beside the
 * runtimes; what rung takes longer is what its language and its generality cost.
 *
 *	limit BUNDLE STATE ID CGROUP	# CGROUP is a name below /sys/fs/cgroup
 *
 * It is a reference and no runtime: the default bundle's mounts, devices, masks and
 * limits stand here in full, the configuration is read and not looked at, and what
 * fails only ends it. REVIEW.md tells how it was compared with rung.
 */
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#include "kernel.h"
#include "limit.h"

/* The program that clones the first process: first.c, as a file of its own. */
__asm__(".section .rodata\nplayer:\n.incbin \"" PLAYER "\"\nplayer_end:\n.previous\n");
extern const char player[], player_end[];

static char text[65536], stat[256];

static int beneath(int dir, const char *name, long flags)
{
	struct open_how how = {.flags = O_CLOEXEC | flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	return must(name, call(SYS_openat2, dir, name, &how, sizeof how));
}

static int directory(int dir, const char *name)
{
	struct open_how how = {.flags = O_CLOEXEC | O_DIRECTORY, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	return call(SYS_openat2, dir, name, &how, sizeof how);
}

/* slurp reads a file to its end and closes it. */
static void slurp(int fd)
{
	while (must("read", call(SYS_read, fd, stat, sizeof stat)) > 0)
		;
	call(SYS_close, fd);
}

static void peek(int dir, const char *name) { slurp(beneath(dir, name, 0)); }

/* store writes a file of the state directory: beside it, then renamed. */
static void store(int dir, const char *name, long n)
{
	char beside[64];
	join(beside, join(beside, ".", name), ".tmp");
	int fd = must("create file", call(SYS_openat, dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
	must("fchmod", call(SYS_fchmod, fd, 0600));
	must("write", call(SYS_write, fd, text, n));
	call(SYS_close, fd);
	must("rename", call(SYS_renameat, dir, beside, dir, name));
}

/* configuration reads config.json and finds the root file system. */
static void configuration(const char *bundle, char *rootfs, long *size)
{
	int fd = must("config.json", call(SYS_openat, AT_FDCWD, join(rootfs, bundle, "/config.json"), O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0));
	must("fstat", call(SYS_fstat, fd, stat));
	*size = must("read config.json", call(SYS_read, fd, text, sizeof text));
	must("read config.json", call(SYS_read, fd, text + *size, 1));
	call(SYS_close, fd);
	join(rootfs, bundle, "/rootfs");
	for (char *p = rootfs + 1; ; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = 0;
		must("stat", call(SYS_newfstatat, AT_FDCWD, rootfs, stat, AT_SYMLINK_NOFOLLOW));
		if (!(*p = c))
			break;
	}
	must("stat", call(SYS_newfstatat, AT_FDCWD, rootfs, stat, 0));
}

/* host finds out what rung has to know of the host. */
static int host(int signals[2])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2];
	int proc = must("open /proc", call(SYS_openat, AT_FDCWD, "/proc", O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC, 0));
	must("fstatfs", call(SYS_fstatfs, proc, stat)), must("fstat", call(SYS_fstat, proc, stat));
	peek(proc, "sys/kernel/random/boot_id");
	slurp(must("cgroup", call(SYS_openat, AT_FDCWD, "/proc/self/cgroup", O_CLOEXEC, 0)));
	must("statfs", call(SYS_statfs, "/sys/fs/cgroup", stat));
	call(SYS_geteuid);
	must("pipe", call(SYS_pipe2, signals, O_CLOEXEC | O_NONBLOCK));
	must("subreaper", call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	must("capget", call(SYS_capget, &header, caps));
	for (int cap = 0; call(SYS_prctl, PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		;
	call(SYS_geteuid), call(SYS_getegid);
	for (int fd = 0; fd < 3; fd++)
		must("fstat", call(SYS_fstat, fd, stat));
	call(SYS_faccessat, AT_FDCWD, "/proc/kcore", 0);
	return proc;
}

/* claim makes the state directory. */
static int claim(const char *state, const char *path, const char *cgroup, long config)
{
	if (call(SYS_newfstatat, AT_FDCWD, state, stat, 0) < 0)
		must("state directory", call(SYS_mkdirat, AT_FDCWD, state, 0700));
	must("state directory", call(SYS_mkdirat, AT_FDCWD, path, 0711));
	int dir = must("state directory", call(SYS_openat, AT_FDCWD, path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
	must("fchmod", call(SYS_fchmod, dir, 0711));
	must("flock", call(SYS_flock, dir, LOCK_EX | LOCK_NB));
	must("fstat", call(SYS_fstat, dir, stat));
	call(SYS_newfstatat, dir, "intent.json", stat, AT_SYMLINK_NOFOLLOW);
	directory(AT_FDCWD, cgroup);
	store(dir, "intent.json", 131);
	store(dir, "config.json", config);
	call(SYS_geteuid);
	return dir;
}

static void group(const char *name)
{
	int parent = must("cgroup", directory(AT_FDCWD, "/sys/fs/cgroup"));
	must("mkdir cgroup", call(SYS_mkdirat, parent, name, 0755));
	int own = beneath(parent, name, O_DIRECTORY);
	peek(own, "cgroup.events"), peek(parent, "cgroup.controllers"), peek(parent, "cgroup.subtree_control"), peek(own, "cgroup.type");
	call(SYS_close, own), call(SYS_close, parent);
}

struct execution {
	int exe, inherit[7];
	const char *id;
};

/* player_child is the child that becomes the program. */
static void player_child(void *arg)
{
	struct execution *e = arg;
	unsigned long none = 0;
	char number[8][16];
	const char *argv[] = {"", 0, 0, 0, 0, 0, 0, 0, e->id, 0}, *env[] = {0};
	call(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
	must("death signal", call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	must("timer slack", call(SYS_prctl, PR_SET_TIMERSLACK, 50000, 0, 0, 0));
	for (int i = 0; i < 7; i++) {
		must("inherit", call(SYS_fcntl, e->inherit[i], F_SETFD, 0));
		argv[1 + i] = digits(number[i] + sizeof number[i], e->inherit[i]);
	}
	must("execveat", call(SYS_execveat, e->exe, "", argv, env, AT_EMPTY_PATH));
}

/* execute starts the program and returns its pidfd. */
static int execute(struct execution *e, int *pid)
{
	static char stack[4096] __attribute__((aligned(16)));
	int pidfd = -1;
	must("undumpable", call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
	e->exe = must("memfd", call(SYS_memfd_create, "limit", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
	must("write", call(SYS_write, e->exe, player, player_end - player));
	must("fchmod", call(SYS_fchmod, e->exe, 0111));
	must("seal", call(SYS_fcntl, e->exe, F_ADD_SEALS, F_SEAL_ALL));
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD, .pidfd = (unsigned long)&pidfd,
		.exit_signal = SIGCHLD, .stack = (unsigned long)stack, .stack_size = sizeof stack,
	};
	*pid = must("vfork", spawn(&args, player_child, e));
	call(SYS_close, e->exe);
	return pidfd;
}

/* outside makes the mounts that come from the host's side. */
static void outside(const char *rootfs, int *made)
{
	static const char *const dev[] = {"source", "tmpfs", "mode", "755", "size", "65536k", 0};
	static const char *const pts[] = {"source", "devpts", "newinstance", 0, "ptmxmode", "0666", "mode", "0620", "gid", "5", 0};
	static const char *const shm[] = {"source", "shm", "mode", "1777", "size", "65536k", 0};
	static const char *const mask[] = {"source", "tmpfs", "nr_blocks", "1", "nr_inodes", "2", "mode", "755", 0};
	struct mount_attr slave = {.propagation = 1 << 19 /* MS_SLAVE */};
	made[Root] = must("open_tree", call(SYS_open_tree, AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
	must("slave", call(SYS_mount_setattr, made[Root], "", AT_EMPTY_PATH | AT_RECURSIVE, &slave, sizeof slave));
	made[Dev] = fsmake("tmpfs", dev);
	made[Pts] = fsmake("devpts", pts);
	made[Shm] = fsmake("tmpfs", shm);
	int null = must("open /dev/null", call(SYS_openat, AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
	must("fstat", call(SYS_fstat, null, stat));
	made[Null] = must("open_tree", call(SYS_open_tree, null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
	call(SYS_close, null);
	must("slave", call(SYS_mount_setattr, made[Null], "", AT_EMPTY_PATH | AT_RECURSIVE, &slave, sizeof slave));
	made[Mask] = fsmount(fsmake("tmpfs", mask), RDONLY | NOSUID | NODEV | NOEXEC);
}

/* devices attaches a program of as many instructions as rung's. All of them allow:
 * the kernel's work is the same, and what it decides isn't asked. */
static void devices(const char *cgroup)
{
	struct bpf_insn code[26];
	for (int i = 0; i < 25; i++)
		code[i] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1};
	code[25] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	int dir = must("cgroup", directory(AT_FDCWD, cgroup));
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (unsigned long)code, .insn_cnt = 26, .license = (unsigned long)"Apache-2.0"};
	int prog = must("bpf load", call(SYS_bpf, BPF_PROG_LOAD, &load, 64));
	union bpf_attr at = {.target_fd = dir, .attach_bpf_fd = prog, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI};
	must("bpf attach", call(SYS_bpf, BPF_PROG_ATTACH, &at, 20));
	call(SYS_close, prog), call(SYS_close, dir);
}

/* await waits until one of two descriptors has something; -1 for none. */
static void await(int a, short events, int b)
{
	struct pollfd fds[2] = {{a, events, 0}, {b, POLLIN, 0}};
	must("poll", call(SYS_ppoll, fds, 2, 0, 0, 0));
}

/* ended removes the cgroup and the state directory. */
static void ended(const char *cgroup, int dir, const char *path)
{
	static const char *const files[] = {"state.json", "progress", "config.json", "intent.json", 0};
	int own = must("cgroup", directory(AT_FDCWD, cgroup));
	int kill = beneath(own, "cgroup.kill", O_WRONLY);
	must("kill", call(SYS_write, kill, "1", 1));
	call(SYS_close, kill);
	peek(own, "cgroup.freeze");
	call(SYS_close, own);
	must("rmdir cgroup", call(SYS_unlinkat, AT_FDCWD, cgroup, AT_REMOVEDIR));
	call(SYS_lseek, dir, 0, 0);
	while (must("getdents64", call(SYS_getdents64, dir, text, 8192)) > 0)
		;
	for (int i = 0; files[i]; i++)
		must("unlink", call(SYS_unlinkat, dir, files[i], 0));
	must("rmdir state", call(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}

static int run(const char *bundle, const char *state, const char *id, const char *cgroup)
{
	static struct builder builder;
	char path[4096], rootfs[4096], group_path[256], process[64], digit[16], byte = 1;
	int gate[2], status[2], control[2], peer[2], mounts[2], signals[2], made[Mades], pid, code;
	long size;

	call(SYS_geteuid);
	call(SYS_geteuid);
	must("stat", call(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/user", stat, 0));
	must("close_range", call(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC));
	configuration(bundle, rootfs, &size);
	call(SYS_geteuid);
	int proc = host(signals);
	join(path, join(path, state, "/"), id);
	int dir = claim(state, path, join(group_path, "/sys/fs/cgroup/", cgroup), size);
	group(cgroup);

	/* What the processes share. */
	must("pipe", call(SYS_pipe2, gate, O_CLOEXEC));
	must("write", call(SYS_write, gate[1], "x", 1));
	call(SYS_close, gate[1]);
	must("pipe", call(SYS_pipe2, status, O_CLOEXEC));
	int progress = must("progress", call(SYS_openat, dir, "progress", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	must("progress", call(SYS_pwrite64, progress, text, 16, 0));
	int own = must("cgroup", directory(AT_FDCWD, group_path));
	must("socketpair", call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control));
	int tape = must("memfd", call(SYS_memfd_create, "tape", MFD_CLOEXEC));
	must("tape", call(SYS_pwrite64, tape, text, TAPE, 0));
	struct clone_args thread = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		.stack = (unsigned long)builder.stack, .stack_size = sizeof builder.stack,
	};
	must("thread", spawn(&thread, build, &builder));
	struct shared *shared = (void *)must("mmap", call(SYS_mmap, 0, TAPE, PROT_RW, MAP_SHARED | MAP_POPULATE, tape, 0));
	for (unsigned i = 0; i < sizeof shared->mask / sizeof *shared->mask; i++)
		shared->mask[i] = ~0ul;
	must("socketpair", call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, peer));
	must("socketpair", call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, mounts));

	/* The first process. */
	struct execution e = {.inherit = {tape, progress, own, peer[1], gate[0], status[1], control[1]}, .id = id};
	int playerfd = execute(&e, &pid);
	call(SYS_close, peer[1]), call(SYS_close, control[1]);
	outside(rootfs, made);
	send(mounts[0], made, Mades);
	for (int i = 0; i < Mades; i++)
		call(SYS_close, made[i]);
	await(control[0], POLLIN, playerfd);
	must("wait", call(SYS_wait4, pid, &code, 0, 0));
	if (code != 0)
		must("program", -code);
	pid = shared->pid;
	int pidfd = must("pidfd_open", call(SYS_pidfd_open, pid, 0));

	/* The builder goes on by its side. */
	builder.rootfs = rootfs, builder.tape = tape, builder.peer = peer[0], builder.pidfd = pidfd, builder.mounts = mounts[1];
	int keep[] = {tape, peer[0], mounts[1], pidfd, 0};
	for (int i = 0; keep[i]; i++) { /* sorted */
		int j = i;
		for (; j > 0 && builder.keep[j - 1] > keep[i]; j--)
			builder.keep[j] = builder.keep[j - 1];
		builder.keep[j] = keep[i];
	}
	tell(&builder.go);
	devices(group_path);
	hear(&builder.alone);
	call(SYS_close, mounts[1]), call(SYS_close, peer[0]);
	await(control[0], POLLIN, mounts[0]);
	must("first process", call(SYS_read, control[0], &byte, 1) == 1 ? 0 : -5);
	int others[] = {own, gate[0], status[1], progress};
	for (int i = 0; i < 4; i++)
		call(SYS_close, others[i]);

	/* It is set up: write that down and let it go. */
	call(SYS_getpriority, 0, 0);
	join(process, digits(digit + sizeof digit, pid), "/stat");
	peek(proc, process);
	call(SYS_geteuid);
	store(dir, "state.json", 678);
	must("go", call(SYS_write, control[0], &byte, 1));
	must("tape", call(SYS_pread64, tape, stat, 4, 0));
	call(SYS_close, control[0]), call(SYS_close, tape), call(SYS_close, playerfd);
	call(SYS_shutdown, mounts[0], 2);
	call(SYS_close, mounts[0]), call(SYS_close, pidfd);

	/* It executes the program and ends. */
	pidfd = must("pidfd_open", call(SYS_pidfd_open, pid, 0));
	await(status[0], 0, pidfd);
	progress = must("progress", call(SYS_openat, dir, "progress", O_NOFOLLOW | O_CLOEXEC, 0));
	must("progress", call(SYS_pread64, progress, stat, 16, 0));
	call(SYS_close, progress);
	await(pidfd, POLLIN, signals[0]);
	must("wait", call(SYS_wait4, -1, &code, 0, 0));
	ended(group_path, dir, path);
	return code & 0x7f ? 128 + (code & 0x7f) : code >> 8 & 0xff;
}

void start(long *stack)
{
	char **argv = (char **)(stack + 1);
	if (stack[0] != 5)
		must("usage: limit BUNDLE STATE ID CGROUP", -22);
	call(SYS_exit_group, run(argv[1], argv[2], argv[3], argv[4]));
}
