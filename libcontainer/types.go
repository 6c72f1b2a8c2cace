package libcontainer

import (
	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/leftover"
	"github.com/rung-oci/rung/internal/preview"
	"github.com/rung-oci/rung/internal/resctrl"
)

// What follows has no comment that go doc would repeat with each: names for the types of other packages that are part of others here, so that
// programs needn't import those packages, which are internal.

type (
	CgroupStats    = cgroups.Stats // of Stats
	ResctrlStats   = resctrl.Stats
	Preview        = preview.Preview // of Plan
	InspectionRow  = inspect.Row     // of Inspection
	LeftoverReason = leftover.Reason // of Leftover
)
