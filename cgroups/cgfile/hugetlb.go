package cgfile

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// HugeTLB returns the writes of linux.resources.hugepageLimits; file is the last
// part of their names ("max"). They limit what is used and, since Linux 5.7, what
// is reserved: a program that runs into the first gets SIGBUS, into the second an
// error of mmap(2).
func HugeTLB(limits []specs.LinuxHugepageLimit, file string) (out []Write) {
	for i, l := range limits {
		w := Write{
			Controller: "hugetlb", File: "hugetlb." + l.Pagesize + "." + file, Value: strconv.FormatUint(l.Limit, 10),
			Field: fmt.Sprintf("linux.resources.hugepageLimits[%d]", i),
		}
		reserved := w
		reserved.File, reserved.Optional = "hugetlb."+l.Pagesize+".rsvd."+file, true
		out = append(out, w, reserved)
	}
	return out
}
