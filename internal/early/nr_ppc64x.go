//go:build ppc64 || ppc64le

package early

const (
	sysPrlimit64 = 325
	mipsShift    = 0
)
