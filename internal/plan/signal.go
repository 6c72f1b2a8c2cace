//go:build !mips && !mipsle && !mips64 && !mips64le

package plan

const (
	mips       = 0
	sigSetmask = 2  // SIG_SETMASK
	lastSignal = 64 // SIGRTMAX
)
