//go:build amd64 || arm64

package entry

import "runtime"

var profileRate = &runtime.MemProfileRate //nolint:unused // entry, in assembler, sets it

// entry is the program's entry point: nothing calls it.
//
//nolint:unused // the linker's flag -E names it
func entry()
