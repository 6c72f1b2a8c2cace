// Command rung is an OCI container runtime: it creates, starts, signals and
// deletes containers that are described by bundles.
package main

import (
	"os"
	"runtime"

	"github.com/rung-oci/rung/cli"
	"github.com/rung-oci/rung/libcontainer/stage"
)

// Set by the linker: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "0.1.0-dev"
	commit  string
)

// The init stage builds the container on the main thread: only that one can
// enter every kind of namespace. The command line isn't locked to it, which
// would cost one more thread and 0.2 ms at each call.
func init() {
	if stage.Called() {
		runtime.LockOSThread()
	}
}

func main() {
	if stage.Called() {
		os.Exit(stage.Main())
	}
	os.Exit(cli.Main(os.Args, version, commit))
}
