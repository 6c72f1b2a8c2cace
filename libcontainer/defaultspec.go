package libcontainer

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/spec"
)

// DefaultSpec is a configuration to begin with, that of "rung spec": sh on a terminal, with few rights, in new namespaces (the network has only lo) and in a
// read-only root filesystem, which is the directory rootfs of the bundle.
func DefaultSpec() *specs.Spec { return spec.Example() }
