/* What the others need of a libc, and no more. */
#include <linux/mount.h>

#include "kernel.h"

void start(long *stack);

__asm__(".globl _start\n_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start\n"
	".globl spawn3\nspawn3:\n" /* args, size, f, arg */
	"	mov %rdx, %r8\n"
	"	mov %rcx, %r9\n"
	"	mov $435, %eax\n" /* clone3 */
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jnz 1f\n"
	"	xor %ebp, %ebp\n"
	"	mov %r9, %rdi\n"
	"	call *%r8\n"
	"	ud2\n"
	"1:	ret\n");

long spawn3(struct clone_args *args, long size, void (*f)(void *), void *arg);

long spawn(struct clone_args *args, void (*f)(void *), void *arg)
{
	return spawn3(args, sizeof *args, f, arg);
}

long call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long r;
	do
		__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	while (r == -4); /* EINTR */
	return r;
}

void tell(int *futex)
{
	__atomic_store_n(futex, 1, __ATOMIC_RELEASE);
	call(SYS_futex, futex, 129 /* FUTEX_WAKE_PRIVATE */, 1, 0, 0, 0);
}

void hear(int *futex)
{
	while (!__atomic_load_n(futex, __ATOMIC_ACQUIRE))
		call(SYS_futex, futex, 128 /* FUTEX_WAIT_PRIVATE */, 0, 0, 0, 0);
}

char *join(char *to, const char *a, const char *b)
{
	char *p = to;
	while (*a)
		*p++ = *a++;
	while (*b)
		*p++ = *b++;
	*p = 0;
	return to;
}

int number(const char *s)
{
	int n = 0;
	while (*s)
		n = 10 * n + *s++ - '0';
	return n;
}

char *digits(char *end, int n)
{
	*--end = 0;
	do
		*--end = '0' + n % 10;
	while (n /= 10);
	return end;
}

long must(const char *what, long result)
{
	char text[256], errno[16];
	long n = 0;
	if (result >= 0)
		return result;
	join(text, "limit: ", what);
	join(text, text, ": errno ");
	join(text, text, digits(errno + sizeof errno, -result));
	join(text, text, "\n");
	while (text[n])
		n++;
	call(SYS_write, 2, text, n);
	call(SYS_exit_group, 1);
	return -1;
}

struct message {
	struct { void *name; unsigned namelen; void *iov; size_t iovlen; void *control; size_t controllen; int flags; } header;
	struct { void *base; size_t len; } iov;
	struct { size_t len; int level, type; int fds[8]; } control;
	char byte;
};

static void prepare(struct message *m, int n)
{
	*m = (struct message){.byte = 'x'};
	m->iov.base = &m->byte, m->iov.len = 1;
	m->header.iov = &m->iov, m->header.iovlen = 1;
	if (n > 0) {
		m->control.len = 16 + 4 * n, m->control.level = 1, m->control.type = 1; /* SOL_SOCKET, SCM_RIGHTS */
		m->header.control = &m->control, m->header.controllen = (m->control.len + 7) & ~7ul;
	}
}

void send(int socket, const int *fds, int n)
{
	struct message m;
	prepare(&m, n);
	for (int i = 0; i < n; i++)
		m.control.fds[i] = fds[i];
	must("sendmsg", call(SYS_sendmsg, socket, &m.header, 0x4000 /* MSG_NOSIGNAL */));
}

void receive(int socket, int *fds, int n)
{
	struct message m;
	prepare(&m, n);
	must("recvmsg", call(SYS_recvmsg, socket, &m.header, 0x40000000 /* MSG_CMSG_CLOEXEC */) == 1 ? 0 : -5);
	for (int i = 0; i < n; i++)
		fds[i] = m.control.fds[i];
}

/* fsmake makes a file system of pairs of options; a NULL value is a flag's. */
int fsmake(const char *type, const char *const *options)
{
	int fs = must("fsopen", call(SYS_fsopen, type, FSOPEN_CLOEXEC));
	for (; *options; options += 2)
		must("fsconfig", call(SYS_fsconfig, fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options[0], options[1], 0));
	must("fsconfig create", call(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0));
	return fs;
}

int fsmount(int fs, long flags)
{
	int mnt = must("fsmount", call(SYS_fsmount, fs, FSMOUNT_CLOEXEC, flags));
	call(SYS_close, fs);
	return mnt;
}

/* The compiler calls them for what it doesn't do in place. */
void *memset(void *to, int c, size_t n)
{
	for (char *p = to; n > 0; n--)
		*p++ = c;
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	char *p = to;
	for (const char *q = from; n > 0; n--)
		*p++ = *q++;
	return to;
}
