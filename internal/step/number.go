package step

import "strconv"

// A Number is which of the configuration's mounts one is, from 1; 0: it is none of them.
type Number int

// Blame adds the field of the configuration that asks for the mount, if one does, to an error.
func (n Number) Blame(err error) error {
	if n == 0 {
		return err
	}
	return &FieldError{Err: err, Field: "mounts[" + strconv.Itoa(int(n)-1) + "]"}
}

// A FieldError is an error about what a field of the configuration asks for.
type FieldError struct {
	Err   error
	Field string
}

// Error ends with the field.
func (e *FieldError) Error() string { return e.Err.Error() + " (" + e.Field + ")" }

// Unwrap is the error without the field.
func (e *FieldError) Unwrap() error { return e.Err }
