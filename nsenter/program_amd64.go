//go:build !goplayer

package nsenter

const (
	// HaveProgram tells whether there is machine code of a [Program] for this
	// architecture.
	HaveProgram    = true
	programMachine = 62 // EM_X86_64
)

// programMark ends the code. Its first byte is no instruction that the code uses.
var programMark = []byte("\xccrungend")

// programCode is where the code of the program begins in our own.
//
//go:noescape
func programCode() uintptr
