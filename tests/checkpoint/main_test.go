// Package checkpoint dumps containers and makes them again, beside runc. It needs CRIU on a kernel that
// that knows: make test-vm PKG=checkpoint.
package checkpoint

import (
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
