package libcontainer

import (
	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/leftover"
	"github.com/rung-oci/rung/internal/preview"
	"github.com/rung-oci/rung/internal/resctrl"
)

// Names for the types of other packages that are part of others here: programs needn't import those packages, which are internal.
type (
	CgroupStats     = cgroups.Stats    // of Stats
	ResctrlStats    = resctrl.Stats    // of Stats
	Preview         = preview.Preview  // of Plan
	InspectionRow   = inspect.Row      // of Inspection
	LeftoverOptions = leftover.Options // of GCOptions
	LeftoverVerdict = leftover.Verdict // of Leftover
)
