// Command rung is an OCI container runtime: it creates, starts, signals and
// deletes containers that are described by bundles.
//
// It is also its own init stage: started as that, it never comes to main, see
// package stage.
package main

import (
	"os"

	"github.com/rung-oci/rung/cli"
)

// Set by the linker: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "0.1.0-dev"
	commit  string
)

func main() {
	os.Exit(cli.Main(os.Args, version, commit))
}
