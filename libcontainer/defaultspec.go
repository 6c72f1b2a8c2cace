package libcontainer

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/spec"
)

// DefaultSpec is a configuration to begin with, that of "rung spec": sh on a terminal, with few rights, in new namespaces, in a read-only rootfs.
func DefaultSpec() *specs.Spec { return spec.Example() }
