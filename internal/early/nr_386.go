//go:build 386

package early

const (
	sysPrlimit64 = 340
	mipsShift    = 0
)
