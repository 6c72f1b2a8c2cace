/* What the runtime and its thread agree on. */
enum made { Root, Dev, Pts, Shm, Null, Mask, Mades };

/* A builder is the thread that makes what the container will see. */
struct builder {
	const char *rootfs;
	int go;      /* futex: 1 once the rest is filled in */
	int alone;   /* futex: 1 once its descriptors are its own */
	int keep[6]; /* descriptors of the runtime that it needs too, sorted; 0 ends */
	int tape;    /* the memfd */
	int peer;    /* socket to the first process, whose pidfd is the next */
	int pidfd;
	int mounts;  /* socket from the runtime, which sends the mounts made outside */
	char stack[16384] __attribute__((aligned(16)));
};

void build(void *builder);
