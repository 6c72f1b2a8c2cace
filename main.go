// Command rung is an OCI container runtime: it creates, starts, signals and
// deletes containers that are described by bundles.
//
// It is also its own init stage: started as that, it never comes to main, see
// package stage.
package main

import (
	"os"

	"github.com/rung-oci/rung/cli"
	_ "github.com/rung-oci/rung/cli/entry" // the program begins there, see the Makefile's -E
	"github.com/rung-oci/rung/libcontainer/fault"
	"github.com/rung-oci/rung/libcontainer/spawn"
	_ "github.com/rung-oci/rung/libcontainer/spawn/early" // starts the init stage ahead
)

// Set by the linker: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "0.1.0-dev"
	commit  string
)

func main() {
	code := cli.Main(os.Args, version, commit)
	spawn.Discard()
	fault.Finish()
	os.Exit(code)
}
