//go:build mips || mipsle

package early

const (
	sysPrlimit64 = 4338
	mipsShift    = 2
)
