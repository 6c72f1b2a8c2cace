//go:build !goplayer

package nsenter

const (
	// HaveProgram tells whether there is machine code of a [Program] for this
	// architecture.
	HaveProgram    = true
	programMachine = 183 // EM_AARCH64
)

// programMark ends the code. Its first word is no instruction.
var programMark = []byte("rungend\x00")

// programCode is where the code of the program begins in our own.
//
//go:noescape
func programCode() uintptr
