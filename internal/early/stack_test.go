package early_test

import (
	"testing"
	"unsafe"

	"github.com/rung-oci/rung/internal/early"
)

// A stack that GrowStack made large isn't moved by what needs 12 KiB of it; another
// one is.
func TestGrowStack(t *testing.T) {
	for _, grown := range []bool{true, false} {
		moved := make(chan bool)
		go func() {
			if grown {
				early.GrowStack()
			}
			var here byte
			before := uintptr(unsafe.Pointer(&here))
			deep(12)
			moved <- uintptr(unsafe.Pointer(&here)) != before
		}()
		if got := <-moved; got == grown {
			t.Errorf("the stack moved: %v, made large: %v", got, grown)
		}
	}
}

// deep uses a KiB of stack per level.
//
//go:noinline
func deep(levels int) byte {
	var frame [1024]byte
	frame[levels] = 1
	if levels > 1 {
		return deep(levels-1) + frame[levels]
	}
	return frame[0]
}
