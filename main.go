// Command rung is an OCI container runtime: it creates, starts, signals and
// deletes containers that are described by bundles.
//
// It is also its own player: started as that, it never comes to main, see
// package spawn.
package main

import (
	"os"

	"github.com/rung-oci/rung/cli"
	_ "github.com/rung-oci/rung/cli/entry" // the program begins there, see the Makefile's -E
	_ "github.com/rung-oci/rung/cli/quiet"
	"github.com/rung-oci/rung/internal/fault"
)

// Set by the linker: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "0.1.0-dev"
	commit  string
)

func main() {
	code := cli.Main(os.Args, version, commit)
	fault.Finish()
	os.Exit(code)
}
