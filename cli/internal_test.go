package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/thread"
)

// A panic is an error of one line that knows where it came from, on whichever thread.
func TestGuarded(t *testing.T) {
	fault := func() error { panic("fault") }
	for name, f := range map[string]func() error{"here": fault, "on a thread": func() error { return thread.Do(fault) }} {
		err := guarded(f)
		e, ok := errors.AsType[*internalError](err)
		if !ok || !strings.HasPrefix(err.Error(), "internal error: fault (") || strings.Contains(err.Error(), "\n") || !strings.Contains(string(e.stack), "TestGuarded") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := guarded(func() error { return nil }); err != nil {
		t.Error(err)
	}
}
