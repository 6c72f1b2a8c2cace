package step

import (
	"fmt"

	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
)

// StandIn makes a mount point, and puts an empty tmpfs on it in the place of a file system that somebody else makes: what is made below
// isn't made in the root filesystem.
type StandIn struct {
	Target string // inside the container
	Number
	Kind string // of the file system that it stands for
}

func (s *StandIn) String() string { return "mount point of " + s.Kind + " at " + s.Target }

// Run makes it.
func (s *StandIn) Run(e *Env) {
	k := e.K
	if s.Kind == "proc" || s.Kind == "sysfs" { // see [Mount.target]
		e.Root.OrdinaryDir(s.Target, fmt.Errorf("filesystem %q must be mounted on ordinary directory", s.Kind))
	}
	target := e.Root.Dir(s.Target)
	defer k.Close(target)
	tree := mount.New(k, "tmpfs", "tmpfs", option.Options{}, 0)
	defer k.Close(tree)
	mount.Attach(k, "attach", tree, target)
}
