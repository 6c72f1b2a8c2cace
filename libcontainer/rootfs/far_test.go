package rootfs

import (
	"fmt"
	"os"
	"testing"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/libcontainer/calls/callstest"
)

// elsewhere has the roots of tests opened and changed by another process, as a container's
// first process does.
var elsewhere bool

// far is a fork of the calling thread that makes calls. It ends with the test.
func far(t testing.TB) *calls.Kernel {
	t.Helper()
	p := callstest.Start(t, 64, 64<<10)
	before := open(p.PID)
	t.Cleanup(func() {
		if err := p.K.Flush(); err == nil { // a kept error is the end of the process
			if after := open(p.PID); after != before {
				t.Errorf("the process has %d descriptors open, before %d", after, before)
			}
		}
		p.End(t)
	})
	return p.K
}

// open is how many descriptors a process has open.
func open(pid int) int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return -1
	}
	return len(list)
}

// take is a descriptor of ours for one of who works in the root.
func (r Root) take(fd calls.FD, err error) (int, error) {
	if err != nil || !r.K.Remote() {
		return fd.Int(), err
	}
	defer r.K.Close(fd)
	return r.K.Fetch(fd)
}

// What the calling thread does, another process does in the same way.
func TestElsewhere(t *testing.T) {
	elsewhere = true
	defer func() { elsewhere = false }()
	for name, f := range map[string]func(*testing.T){
		"Create": TestCreate, "Race": TestRace, "Mknod": TestMknod, "Symlink": TestSymlink, "Split": TestSplit,
		"LookupLikeChroot": TestLookupLikeChroot, "LinkLimit": TestLinkLimit, "MountInside": TestMountInside, "LookupPlain": TestLookupPlain,
		"ReadRegular": TestReadRegular, "ReadRegularSize": TestReadRegularSize, "ErrorText": TestErrorText, "OrdinaryDir": TestOrdinaryDir, "Open": TestOpen,
	} {
		t.Run(name, f)
	}
}
