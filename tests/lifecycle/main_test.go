// Package lifecycle runs containers of every kind on the real kernel and looks
// at them from inside and outside.
package lifecycle

import (
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
