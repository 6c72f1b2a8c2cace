// Command rung is an OCI container runtime: it creates, starts, signals and
// deletes containers that are described by bundles.
package main

import (
	"os"

	"github.com/rung-oci/rung/cli"
	"github.com/rung-oci/rung/libcontainer/stage"
)

// Set by the linker: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "0.1.0-dev"
	commit  string
)

// The init stage builds the container on the main thread: only that one can
// enter every kind of namespace. During the init functions the Go runtime keeps
// us on it, without the extra thread that runtime.LockOSThread makes.
func init() {
	if stage.Called() {
		os.Exit(stage.Main())
	}
}

func main() {
	os.Exit(cli.Main(os.Args, version, commit))
}
