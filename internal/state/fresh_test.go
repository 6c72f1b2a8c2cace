package state

import (
	"errors"
	"testing"
)

// A create that was overtaken between mkdir and lock, by a forced delete and
// another create, must not take the other's directory for its own, and above
// all not remove it when it fails.
func TestFresh(t *testing.T) {
	s := Store{Root: t.TempDir()}
	e, err := s.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.fresh(); err != nil {
		t.Errorf("fresh() of a new entry = %v", err)
	}
	if err := e.WriteIntent(&Intent{ID: "x", BootID: "b"}); err != nil {
		t.Fatal(err)
	}
	if err := e.fresh(); !errors.Is(err, ErrExist) {
		t.Errorf("fresh() of another's entry = %v, want %v", err, ErrExist)
	}
}
