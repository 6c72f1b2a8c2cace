/*
 * The builder, a thread with descriptors of its own: it enters the namespaces of the
 * first process and makes what the container will see. The order of calls is that of
 * rung's thread, its checks included.
 */
#include <linux/mount.h>
#include <linux/openat2.h>

#include "kernel.h"
#include "limit.h"

static char buf[4096];

/* lookup resolves in the container's root. */
static int lookup(int root, const char *path, long flags)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	return call(SYS_openat2, root, path, &how, sizeof how);
}

static void check(int fd) { must("fstat", call(SYS_fstat, fd, buf)); }

static void attach(int mnt, int at)
{
	must("move_mount", call(SYS_move_mount, mnt, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

/* exactly looks path up without following a link at its end: rung refuses one at
 * /proc and /sys. */
static void exactly(int root, const char *path)
{
	int at = must("open target", lookup(root, path, O_NOFOLLOW));
	check(at);
	call(SYS_close, at);
}

/* target opens what a mount will cover, and makes a directory of dev's if it is not
 * there. */
static int target(int root, const char *path)
{
	int at = lookup(root, path, 0);
	if (at < 0) {
		int dir = must("open dev", lookup(root, "dev", O_NOFOLLOW));
		call(SYS_readlinkat, dir, "", buf, sizeof buf);
		call(SYS_close, dir);
		lookup(root, path, O_NOFOLLOW);
		dir = must("open dev", lookup(root, "dev", O_DIRECTORY));
		must("mkdir", call(SYS_mkdirat, dir, path + 4, 0755));
		call(SYS_close, dir);
		at = must("open target", lookup(root, path, O_NOFOLLOW));
	}
	check(at);
	must("fstatfs", call(SYS_fstatfs, at, buf));
	return at;
}

/* place covers path with a mount that is there, own with one that is made then. */
static void place(int root, int mnt, const char *path)
{
	check(mnt);
	int at = target(root, path);
	attach(mnt, at);
	call(SYS_close, mnt), call(SYS_close, at);
}

static void own(int root, const char *path, const char *type, const char *const *options, long flags)
{
	int at = target(root, path);
	int mnt = fsmount(fsmake(type, options), flags);
	attach(mnt, at);
	call(SYS_close, mnt), call(SYS_close, at);
}

static int devices(int root)
{
	int dir = must("open dev", lookup(root, "dev", 0));
	check(dir);
	return dir;
}

static void device(int root, const char *name, int major, int minor)
{
	int dir = devices(root);
	must("mknod", call(SYS_mknodat, dir, name, S_IFCHR | 0666, major << 8 | minor));
	int fd = must("open node", call(SYS_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
	check(fd);
	must("fchownat", call(SYS_fchownat, fd, "", 0, 0, AT_EMPTY_PATH));
	must("fchmodat2", call(SYS_fchmodat2_, fd, "", 0666, AT_EMPTY_PATH));
	call(SYS_close, fd), call(SYS_close, dir);
}

static void link(int root, const char *to, const char *name)
{
	int dir = devices(root);
	must("symlink", call(SYS_symlinkat, to, dir, name));
	call(SYS_close, dir);
}

static void readonly(int root, const char *path)
{
	struct mount_attr attr = {.attr_set = RDONLY};
	int at = lookup(root, path, 0);
	if (at < 0)
		return;
	int tree = must("open_tree", call(SYS_open_tree, at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
	must("mount_setattr", call(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr));
	attach(tree, at);
	call(SYS_close, tree), call(SYS_close, at);
}

/* hide covers path with a mask: with the mount itself first, then with clones. */
static void hide(int root, int mask, int *used, const char *path)
{
	int at = lookup(root, path, 0);
	if (at < 0)
		return;
	check(at);
	int tree = mask;
	if (*used)
		tree = must("open_tree", call(SYS_open_tree, mask, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
	attach(tree, at);
	if (*used)
		call(SYS_close, tree);
	*used = 1;
	call(SYS_close, at);
}

static void enter(struct builder *b, int root)
{
	struct mount_attr slave = {.propagation = 1 << 19 /* MS_SLAVE */};
	int top = must("open /", call(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0));
	must("slave", call(SYS_mount_setattr, top, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave, sizeof slave));
	int at = must("open rootfs", call(SYS_openat, AT_FDCWD, b->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	check(root), check(at);
	attach(root, at);
	call(SYS_close, at), call(SYS_close, top);
}

static void pivot(int root)
{
	int old = must("open /", call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	must("fchdir", call(SYS_fchdir, root));
	must("pivot_root", call(SYS_pivot_root, ".", "."));
	must("fchdir", call(SYS_fchdir, old));
	must("slave", call(SYS_mount, "", ".", 0, 1 << 14 | 1 << 19 /* MS_REC|MS_SLAVE */, 0));
	must("umount", call(SYS_umount2, ".", MNT_DETACH));
	must("chdir", call(SYS_chdir, "/"));
	call(SYS_close, old);
}

static void masks(int root, const int *made)
{
	static const char *const files[] = {"proc/keys", "proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug", "proc/scsi", 0};
	static const char *const readonlys[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger", 0};
	int nulls = 0, dirs = 0;
	for (int i = 0; readonlys[i]; i++)
		readonly(root, readonlys[i]);
	hide(root, made[Mask], &dirs, "proc/acpi");
	lookup(root, "proc/asound", 0), lookup(root, "proc/kcore", 0);
	for (int i = 0; files[i]; i++)
		hide(root, made[Null], &nulls, files[i]);
	hide(root, made[Mask], &dirs, "sys/firmware");
	lookup(root, "sys/devices/virtual/powercap", 0);
}

void build(void *arg)
{
	static const char *const mqueue[] = {"source", "mqueue", 0};
	static const char *const sysfs[] = {"source", "sysfs", "ro", 0, 0};
	struct mount_attr ro = {.attr_set = RDONLY};
	struct builder *b = arg;
	int made[Mades], late[2], root;

	hear(&b->go);
	must("own descriptors", call(SYS_unshare, CLONE_FS | CLONE_FILES));
	tell(&b->alone);
	call(SYS_umask, 0);
	int from = 3;
	for (int i = 0; b->keep[i]; i++) {
		if (b->keep[i] > from)
			must("close_range", call(SYS_close_range, from, b->keep[i] - 1, 0));
		from = b->keep[i] + 1;
	}
	must("close_range", call(SYS_close_range, from, 0x7ffffffe, 0));
	int proc = must("open /proc", call(SYS_openat, AT_FDCWD, "/proc", O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC, 0));
	must("fstatfs", call(SYS_fstatfs, proc, buf));
	check(proc);
	receive(b->mounts, made, Mades);
	root = made[Root];
	must("unshare", call(SYS_unshare, CLONE_FS));
	must("setns", call(SYS_setns, b->pidfd, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC));
	must("mmap", call(SYS_mmap, 0, TAPE, PROT_RW, MAP_SHARED | MAP_POPULATE, b->tape, 0));
	enter(b, root);
	receive(b->peer, late, 2);
	check(late[0]);
	exactly(root, "proc");
	int at = target(root, "proc");
	attach(late[0], at);
	call(SYS_close, late[0]), call(SYS_close, at);
	place(root, fsmount(made[Dev], NOSUID | MOUNT_ATTR_STRICTATIME), "dev");
	place(root, fsmount(made[Pts], NOSUID | NOEXEC), "dev/pts");
	place(root, fsmount(made[Shm], NOSUID | NODEV | NOEXEC), "dev/shm");
	own(root, "dev/mqueue", "mqueue", mqueue, NOSUID | NODEV | NOEXEC);
	device(root, "null", 1, 3), device(root, "random", 1, 8), device(root, "full", 1, 7);
	device(root, "tty", 5, 0), device(root, "zero", 1, 5), device(root, "urandom", 1, 9);
	link(root, "/proc/self/fd", "fd"), link(root, "/proc/self/fd/0", "stdin"), link(root, "/proc/self/fd/1", "stdout");
	link(root, "/proc/self/fd/2", "stderr"), link(root, "pts/ptmx", "ptmx");
	receive(b->peer, 0, 0); /* the network namespace is there */
	must("setns", call(SYS_setns, b->pidfd, CLONE_NEWNET));
	exactly(root, "sys");
	own(root, "sys", "sysfs", sysfs, RDONLY | NOSUID | NODEV | NOEXEC);
	place(root, late[1], "sys/fs/cgroup");
	pivot(root);
	masks(root, made);
	must("read-only root", call(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &ro, sizeof ro));
	struct open_how how = {.flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	call(SYS_openat2, root, "etc/passwd", &how, sizeof how);
	send(b->peer, 0, 0);
	must("close_range", call(SYS_close_range, 3, ~0u, 0));
	call(SYS_exit, 0);
}
