//go:build amd64

package early

const (
	sysPrlimit64 = 302
	mipsShift    = 0
)
