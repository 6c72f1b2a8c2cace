// Package release says how a release of the runtime is built, so that what is tested
// and measured is that.
package release

// Tags are the build tags of the runtime, the Makefile's.
const Tags = "urfave_cli_no_template"

// LinkFlags are what the linker is told for the runtime itself on an architecture: the
// Makefile's, but for the version.
func LinkFlags(arch string) string {
	flags := "-s -w"
	if arch == "amd64" || arch == "arm64" {
		flags += " -E github.com/rung-oci/rung/cli/entry.entry"
	}
	return flags
}
