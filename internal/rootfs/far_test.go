package rootfs

import (
	"testing"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/calls/callstest"
	"github.com/rung-oci/rung/internal/testbed"
)

// elsewhere has the roots of tests opened and changed by another process, as a container's
// first process does.
var elsewhere bool

// far is a fork of the calling thread that makes calls. It ends with the test.
func far(t testing.TB) *calls.Kernel {
	t.Helper()
	p := callstest.Start(t, 64, 64<<10)
	same := testbed.Same(t, p.PID)
	t.Cleanup(func() {
		if err := p.K.Flush(); err == nil { // a kept error is the end of the process
			same()
		}
		p.End(t)
	})
	return p.K
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
