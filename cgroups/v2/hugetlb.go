package v2

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

// hugetlb limits what is used and, since Linux 5.7, what is reserved: a program
// that runs into the first gets SIGBUS, into the second an error of mmap(2).
func hugetlb(limits []specs.LinuxHugepageLimit) (out []cgfile.Write) {
	for i, l := range limits {
		w := cgfile.Write{
			Controller: "hugetlb", File: "hugetlb." + l.Pagesize + ".max", Value: strconv.FormatUint(l.Limit, 10),
			Field: fmt.Sprintf("linux.resources.hugepageLimits[%d]", i),
		}
		reserved := w
		reserved.File, reserved.Optional = "hugetlb."+l.Pagesize+".rsvd.max", true
		out = append(out, w, reserved)
	}
	return out
}
