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
	"github.com/rung-oci/rung/internal/fault"
)

// Set by the linker: -ldflags "-X main.version=… -X main.commit=…". Without them the build says what it is.
var version, commit string

func main() {
	code := cli.Main(os.Args, built)
	fault.Finish()
	os.Exit(code)
}
