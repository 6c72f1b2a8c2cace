//go:build mips || mipsle || mips64 || mips64le

package plan

const (
	mips       = 2   // signal sets are twice as large
	sigSetmask = 3   // SIG_SETMASK
	lastSignal = 127 // SIGRTMAX
)
