// Package lifecycle runs containers of every kind on the real kernel and looks
// at them from inside and outside.
package lifecycle

import (
	"os"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// writable lets a container write in its root filesystem.
func writable(s *specs.Spec) { s.Root.Readonly = false }

func owned(st os.FileInfo, uid uint32) bool { return st.Sys().(*syscall.Stat_t).Uid == uid }
