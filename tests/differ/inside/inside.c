// Inside prints, line by line, what a process finds in its container:
//
//	inside [OP:ARG]...
//	inside hook NAME LOG
//
// It is C with a static libc because Go's runtime changes what is looked at: it
// raises limits, catches signals and starts threads. It needs no /proc, no
// threads and no memory to speak of. What can be read from outside, of
// /proc/PID, is read from outside.
//
// The report ends with a line "END". Then it waits for a line or the end of its
// stdin, so that somebody can look at it, and exits. Operations:
//
//	r:PATH  opens for reading, and reads a byte    w:PATH  opens for writing
//	c:PATH  makes a file, and removes it           s:PATH  prints a short file (sysctls)
//	m:PATH  mounts a tmpfs there                   l:PATH  what a symbolic link says
//	e:CODE  the exit code
//
// As a hook it appends what it was given to a file, in one write.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

static char text[1 << 18];
static size_t used;

static void put(const char *format, ...) {
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text + used, sizeof text - used, format, args);
	va_end(args);
	if (n > 0) used += n;
	if (used > sizeof text - 1) used = sizeof text - 1;
}

// quoted prints what may hold line breaks.
static void quoted(const char *s) {
	for (; *s; s++) put(*s < ' ' || *s == '\\' ? "\\%03o" : "%c", *s);
}

static void flush(int fd) {
	for (size_t at = 0; at < used;) {
		ssize_t n = write(fd, text + at, used - at);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) break;
		at += n;
	}
	used = 0;
}

static const char *outcome(long result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static void surroundings(void) {
	char path[8192];
	if (syscall(SYS_getcwd, path, sizeof path) < 0) put("cwd\t%s\n", strerrorname_np(errno));
	else put("cwd\t%s\n", path);
	mode_t mask = umask(0);
	umask(mask);
	put("umask\t%04o\n", mask);
	for (int i = 0; environ[i]; i++) {
		put("env\t");
		quoted(environ[i]);
		put("\n");
	}
}

static void identity(void) {
	uid_t r, e, s;
	getresuid(&r, &e, &s);
	put("uid\t%d %d %d\n", r, e, s);
	gid_t a, b, c, groups[256];
	getresgid(&a, &b, &c);
	put("gid\t%d %d %d\n", a, b, c);
	int n = getgroups(256, groups);
	put("groups\t");
	for (int i = 0; i < n; i++) put("%d ", groups[i]);
	put("\n");
	struct utsname u;
	uname(&u);
	put("hostname\t%s\ndomainname\t%s\nmachine\t%s\nrelease\t%.2s\n", u.nodename, u.domainname, u.machine, u.release);
	put("personality\t%x\n", personality(0xffffffff));
	put("pid 1\t%s\n", getpid() == 1 ? "yes" : "no");
	put("session leader\t%s\ngroup leader\t%s\n", getsid(0) == getpid() ? "yes" : "no", getpgrp() == getpid() ? "yes" : "no");
	put("parent seen\t%s\n", getppid() ? "yes" : "no");
}

static void loopback(void) {
	struct ifreq r = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0) put("lo\t%s\n", strerrorname_np(errno));
	else put("lo\t%s\n", r.ifr_flags & IFF_UP ? "up" : "down");
	if (fd >= 0) close(fd);
}

static void attributes(void) {
	int sig = -1, sub = -1;
	prctl(PR_GET_PDEATHSIG, &sig);
	prctl(PR_GET_CHILD_SUBREAPER, &sub);
	put("death signal\t%d\nsubreaper\t%d\n", sig, sub);
	put("dumpable\t%d\nkeep caps\t%d\nsecurebits\t%x\n", prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS));
	put("timer slack\t%d\n", prctl(PR_GET_TIMERSLACK));
	put("bounding\t");
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1) put("%d ", cap);
	put("\n");
	char key[256] = "";
	long n = syscall(SYS_keyctl, 6 /* KEYCTL_DESCRIBE */, -3 /* session */, key, sizeof key);
	put("keyring\t%s\n", n < 0 ? strerrorname_np(errno) : key);
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit l;
		if (getrlimit(i, &l) == 0) put("rlimit %d\t%lld %lld\n", i, (long long)l.rlim_cur, (long long)l.rlim_max);
	}
}

static void terminal(void) {
	for (int fd = 0; fd < 3; fd++) put("tty %d\t%s\n", fd, isatty(fd) ? "yes" : "no");
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	put("dev tty\t%s\n", outcome(fd));
	if (fd >= 0) close(fd);
	struct winsize size;
	struct stat st;
	struct termios t;
	if (!isatty(0) || ioctl(0, TIOCGWINSZ, &size) || fstat(0, &st) || tcgetattr(0, &t)) return;
	put("tty size\t%d %d\n", size.ws_row, size.ws_col);
	put("tty file\t%o %d:%d\n", st.st_mode, st.st_uid, st.st_gid);
	put("tty modes\t%x %x %x %x\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
	put("tty group\t%s\n", tcgetpgrp(0) == getpgrp() ? "own" : "other");
}

static void show(const char *path) {
	char content[512];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
	put("s:%s\t", path);
	if (n < 0) put("%s", strerrorname_np(errno));
	else {
		while (n > 0 && content[n - 1] == '\n') n--;
		content[n] = 0;
		quoted(content);
	}
	put("\n");
	if (fd >= 0) close(fd);
}

static void try(const char *op) {
	const char *path = op + 2;
	char byte[4096];
	long result = 0;
	int fd = -1;
	switch (*op) {
	case 'r':
		if ((result = fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) >= 0) {
			struct stat st;
			if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) result = read(fd, byte, 1);
			if (result >= 0) errno = 0;
			put("%s\t%s%s\n", op, outcome(result), result == 0 ? " empty" : "");
			close(fd);
			return;
		}
		break;
	case 'w': result = fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); break;
	case 'c':
		if ((result = fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) >= 0) unlink(path);
		break;
	case 'm':
		if ((result = mount("none", path, "tmpfs", 0, "")) == 0) umount2(path, MNT_DETACH);
		break;
	case 'l': {
		ssize_t n = readlink(path, byte, sizeof byte - 1);
		if (n >= 0) {
			byte[n] = 0;
			put("%s\t%s\n", op, byte);
			return;
		}
		result = -1;
		break;
	}
	case 's': show(path); return;
	default: return;
	}
	put("%s\t%s\n", op, outcome(result));
	if (fd >= 0) close(fd);
}

static int look(int argc, char **argv) {
	int code = 0;
	for (int i = 0; i < argc; i++) {
		put("arg\t");
		quoted(argv[i]);
		put("\n");
	}
	surroundings();
	loopback();
	identity();
	attributes();
	terminal();
	for (int i = 1; i < argc; i++) {
		if (!argv[i][0] || argv[i][1] != ':') continue;
		if (argv[i][0] == 'e') code = atoi(argv[i] + 2);
		else try(argv[i]);
	}
	put("END\n");
	flush(1);
	char c;
	for (ssize_t n; (n = read(0, &c, 1)) != 0 && c != '\n';)
		if (n < 0 && errno != EINTR) break;
	return code;
}

// hook writes one line, whose fields are separated by tabs; the state comes last.
static int hook(int argc, char **argv) {
	static char state[1 << 16];
	ssize_t n, all = 0;
	while ((n = read(0, state + all, sizeof state - 1 - all)) > 0) all += n;
	for (int i = 0; i < argc; i++) {
		put("arg=");
		quoted(argv[i]);
		put("\t");
	}
	char path[8192];
	put("cwd=%s\t", syscall(SYS_getcwd, path, sizeof path) < 0 ? strerrorname_np(errno) : path);
	mode_t mask = umask(0);
	umask(mask);
	put("umask=%04o\tuid=%d\tgid=%d\tgroups=%d\t", mask, geteuid(), getegid(), getgroups(0, NULL));
	for (int i = 0; environ[i]; i++) {
		put("env=");
		quoted(environ[i]);
		put("\t");
	}
	static const char *kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
	for (int i = 0; i < 8; i++) {
		char name[64], link[64];
		snprintf(name, sizeof name, "/proc/self/ns/%s", kinds[i]);
		ssize_t n = readlink(name, link, sizeof link - 1);
		link[n < 0 ? 0 : n] = 0;
		put("ns=%s\t", link);
	}
	put("nnp=%d\tbound0=%d\tbound21=%d\t", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_CAPBSET_READ, 0), prctl(PR_CAPBSET_READ, 21));
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0) put("fd=%d\t", fd);
	put("state=");
	quoted(state);
	put("\n");
	int log = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (log >= 0) flush(log); // a read-only root has no place for it
	return argc > 4 ? atoi(argv[4]) : 0;
}

int main(int argc, char **argv) {
	if (argc > 3 && strcmp(argv[1], "hook") == 0) return hook(argc, argv);
	return look(argc, argv);
}
