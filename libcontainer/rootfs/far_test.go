package rootfs

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/calls"
	"github.com/rung-oci/rung/nsenter"
)

// elsewhere has the roots of tests opened and changed by another process, as a container's
// first process does.
var elsewhere bool

// far is a fork of the calling thread that makes calls. It ends with the test.
func far(t testing.TB) *calls.Kernel {
	t.Helper()
	const count, size = 64, 64 << 10
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	tape := nsenter.NewTape()
	sock := tape.FDSlot()
	f := &calls.Far{Annex: tape.Annex(sock, count, size), Sock: pair[0]}
	image := tape.Image()
	f.Annex = f.Annex.In(image)
	player, err := nsenter.NewLocal(image)
	if err != nil {
		t.Fatal(err)
	}
	f.Arena = player.Arena
	f.Arena.SetFD(sock, pair[1])
	pid, err := nsenter.Fork(&nsenter.CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, player)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pair[1])
	k, before := calls.NewKernel(f), open(pid)
	t.Cleanup(func() {
		if err := k.Flush(); err == nil { // a kept error is the end of the process
			if after := open(pid); after != before {
				t.Errorf("the process has %d descriptors open, before %d", after, before)
			}
		}
		_ = unix.Kill(pid, unix.SIGKILL)
		for {
			if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
				break
			}
		}
		unix.Close(pair[0])
		player.Free()
	})
	return k
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
