//go:build arm

package early

const (
	sysPrlimit64 = 369
	mipsShift    = 0
)
