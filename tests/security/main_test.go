// Package security attacks the runtime: with hostile images, from inside of
// containers, and by races on the host.
package security

import (
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// rounds is how often a race is run: few times in a short test.
func rounds(long, short int) int {
	if testing.Short() {
		return short
	}
	return long
}
