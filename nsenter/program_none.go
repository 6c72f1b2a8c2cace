//go:build !(amd64 || arm64) || goplayer

package nsenter

const (
	// HaveProgram tells whether there is machine code of a [Program] for this
	// architecture.
	HaveProgram    = false
	programMachine = 0
)

var programMark []byte

func programCode() uintptr { return 0 }
