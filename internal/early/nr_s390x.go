//go:build s390x

package early

const (
	sysPrlimit64 = 334
	mipsShift    = 0
)
