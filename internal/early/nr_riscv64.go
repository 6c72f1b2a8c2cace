//go:build riscv64

package early

const (
	sysPrlimit64 = 261
	mipsShift    = 0
)
