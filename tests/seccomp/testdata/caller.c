// caller MODE [ARGUMENT]: makes times(ARGUMENT) and says what became of it.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long arg;

static void call(const char *who)
{
	long r = syscall(SYS_times, arg);
	if (r == -1)
		printf("%s errno %d\n", who, errno);
	else
		printf("%s result %ld\n", who, r);
	fflush(stdout);
}

static void *in_thread(void *p)
{
	call("thread");
	return p;
}

static void sigsys(int sig, siginfo_t *i, void *p)
{
	printf("SIGSYS code %d number %d\n", i->si_code, i->si_syscall == SYS_times);
	fflush(stdout);
	_exit(0);
}

static void status(void)
{
	char l[256];
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(l, sizeof l, f))
		if (!strncmp(l, "Seccomp:", 8) || !strncmp(l, "NoNewPrivs:", 11) || !strncmp(l, "Threads:", 8) || !strncmp(l, "Cap", 3))
			fputs(l, stdout);
	fflush(stdout);
}

static int trace(void)
{
	int ws;
	unsigned long msg = 0;
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		call("traced");
		_exit(0);
	}
	waitpid(pid, &ws, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &ws, 0);
	if (ws >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
		ptrace(PTRACE_GETEVENTMSG, pid, 0, &msg);
		printf("event %lu\n", msg);
		fflush(stdout);
		ptrace(PTRACE_CONT, pid, 0, 0);
		waitpid(pid, &ws, 0);
	}
	return 0;
}

int main(int n, char **v)
{
	struct sigaction sa = {.sa_sigaction = sigsys, .sa_flags = SA_SIGINFO};
	pthread_t t;
	arg = n > 2 ? strtoul(v[2], 0, 0) : 0;
	status();
	if (!strcmp(v[1], "trap"))
		sigaction(SIGSYS, &sa, 0);
	if (!strcmp(v[1], "thread")) {
		pthread_create(&t, 0, in_thread, 0);
		pthread_join(t, 0);
		puts("main lives");
		return 0;
	}
	if (!strcmp(v[1], "trace"))
		return trace();
	call("main");
	return 0;
}
