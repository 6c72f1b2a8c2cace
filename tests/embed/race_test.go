//go:build race

package embed

// buildFlags are of programs that tests build: as the tests are built.
var buildFlags = []string{"-race"}
