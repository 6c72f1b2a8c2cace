// Package release says how a release of the runtime is built, so that what is tested
// and measured is that.
package release

import "runtime"

// LinkFlags are what the linker is told for the runtime itself: the Makefile's, but
// for the version.
func LinkFlags() string {
	flags := "-s -w"
	if runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" {
		flags += " -E github.com/rung-oci/rung/cli/entry.entry"
	}
	return flags
}
