package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/rung-oci/rung/internal/thread"
)

// internalError is a panic: a fault of ours that no test has met.
type internalError struct {
	value any
	stack []byte
}

// Error is one line, as of any other error.
func (e *internalError) Error() string {
	return fmt.Sprintf("internal error: %v (a fault of rung's, please report it: --debug shows where)", e.value)
}

// guarded calls f, and makes an error of a panic, when what f has begun is taken back by then.
func guarded(f func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		e := &internalError{v, debug.Stack()}
		if p, ok := v.(*thread.Panic); ok {
			e.stack = p.Stack
		}
		err = e
	}()
	return f()
}
