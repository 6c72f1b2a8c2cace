//go:build mips64 || mips64le

package early

const (
	sysPrlimit64 = 5297
	mipsShift    = 2
)
