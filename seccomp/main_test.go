package seccomp

import (
	"testing"

	"github.com/rung-oci/rung/libcontainer/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }
