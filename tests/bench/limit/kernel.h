/*
 * The kernel's interface without a libc, whose start is none of the calls for a
 * container: calls, and what headers of a libc would bring. amd64 only.
 */
#include <linux/sched.h>
#include <linux/types.h>
#include <stddef.h>
#include <sys/syscall.h>

#define O_WRONLY 01
#define O_RDWR 02
#define O_CREAT 0100
#define O_EXCL 0200
#define O_NOCTTY 0400
#define O_TRUNC 01000
#define O_NONBLOCK 04000
#define O_DIRECTORY 0200000
#define O_NOFOLLOW 0400000
#define O_CLOEXEC 02000000
#define O_PATH 010000000
#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR 0x200
#define AT_EACCESS 0x200
#define AT_EMPTY_PATH 0x1000
#define AT_RECURSIVE 0x8000
#define SYS_fchmodat2_ 452
#define S_IFCHR 0020000
#define MNT_DETACH 2
#define LOCK_EX 2
#define LOCK_NB 4
#define RLIMIT_NOFILE 7
#define SIGKILL 9
#define SIGCHLD 17
#define SIG_SETMASK 2
#define AF_UNIX 1
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC O_CLOEXEC
#define PROT_RW 3
#define MAP_SHARED 0x01
#define MAP_FIXED 0x10
#define MAP_POPULATE 0x8000
#define MFD_CLOEXEC 1
#define MFD_ALLOW_SEALING 2
#define MFD_EXEC 0x10
#define F_SETFD 2
#define F_ADD_SEALS 1033
#define F_SEAL_ALL 15
#define CLOSE_RANGE_CLOEXEC 4
#define POLLIN 1
#define PR_SET_PDEATHSIG 1
#define PR_SET_DUMPABLE 4
#define PR_SET_KEEPCAPS 8
#define PR_SET_NAME 15
#define PR_CAPBSET_READ 23
#define PR_CAPBSET_DROP 24
#define PR_SET_TIMERSLACK 29
#define PR_SET_CHILD_SUBREAPER 36
#define PR_SET_NO_NEW_PRIVS 38
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_CLEAR_ALL 4

struct pollfd { int fd; short events, revents; };

/* What runtime, program and first process share: rung's tape is as long. */
#define TAPE 26680
struct shared {
	int pid;
	unsigned long mask[128];
};

long call6(long nr, long a, long b, long c, long d, long e, long f);
#define CALL(nr, a, b, c, d, e, f, ...) call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define call(...) CALL(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* spawn is clone3(2) of a child that calls f on the stack of args. */
long spawn(struct clone_args *args, void (*f)(void *), void *arg);

/* tell sets a futex, and hear waits until it is set. */
void tell(int *futex);
void hear(int *futex);

long must(const char *what, long result);
char *join(char *to, const char *a, const char *b);
char *digits(char *end, int n);
int number(const char *s);
void send(int socket, const int *fds, int n);
void receive(int socket, int *fds, int n);
int fsmake(const char *type, const char *const *options);
int fsmount(int fs, long flags);

#define NOSUID MOUNT_ATTR_NOSUID
#define NODEV MOUNT_ATTR_NODEV
#define NOEXEC MOUNT_ATTR_NOEXEC
#define RDONLY MOUNT_ATTR_RDONLY
