//go:build amd64 || arm64

package nsenter

const haveVfork = true

//go:noescape
func rawVfork(trap, a1, a2 uintptr) (r1, err uintptr)
