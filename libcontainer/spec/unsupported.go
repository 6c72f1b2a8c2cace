package spec

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// sweepAll is the list of all that the runtime-spec has and this runtime doesn't yet. Ignoring
// what was asked for is never right: it could be what keeps a container in. Take a line away
// when its field is implemented, and change [Features].
func sweepAll(w *sweep, s *specs.Spec) {
	if l := s.Linux; l != nil {
		value(w, "linux.intelRdt", &l.IntelRdt)
	}
}

// Unsupported returns an error for each field that is set and not implemented yet.
func Unsupported(s *specs.Spec) []FieldError {
	var w sweep
	sweepAll(&w, s)
	errs := make([]FieldError, len(w.found))
	for i, path := range w.found {
		errs[i] = FieldError{Path: path, Msg: "not supported yet"}
	}
	return errs
}

// Strip takes the fields that [Unsupported] complains of out of s, and returns their paths. It is
// for tests that run the configurations of engines as far as that goes; no container of a user
// may lose a field in silence.
func Strip(s *specs.Spec) (removed []string) {
	w := sweep{drop: true}
	sweepAll(&w, s)
	return w.found
}

// sweep goes over fields, notes which are set, and perhaps clears them.
type sweep struct {
	drop  bool
	found []string
}

func (w *sweep) note(path string) { w.found = append(w.found, path) }

// value takes a field that is set unless it is the zero value of its type.
func value[T comparable](w *sweep, path string, v *T) {
	var zero T
	if *v != zero {
		w.note(path)
		if w.drop {
			*v = zero
		}
	}
}

func list[T any](w *sweep, path string, v *[]T) {
	if len(*v) > 0 {
		w.note(path)
		if w.drop {
			*v = nil
		}
	}
}

func table[T any](w *sweep, path string, v *map[string]T) {
	if len(*v) > 0 {
		w.note(path)
		if w.drop {
			*v = nil
		}
	}
}
