//go:build !libseccomp

package seccomp

// Library is the version of the library that compiles filters, "" if we do it
// ourselves.
func Library() string { return "" }

var backend = compileRules
