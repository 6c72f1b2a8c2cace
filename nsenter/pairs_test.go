package nsenter

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The sockets work, and who asks for their peer gets nobody.
func TestPairs(t *testing.T) {
	list, err := Pairs(2)
	if err != nil || len(list) != 2 {
		t.Fatalf("Pairs = %v, %v", list, err)
	}
	for _, p := range list {
		defer unix.Close(p[0])
		defer unix.Close(p[1])
		if _, err := unix.Write(p[0], []byte("x")); err != nil {
			t.Error(err)
		}
		var b [4]byte
		if n, err := unix.Read(p[1], b[:]); n != 1 || err != nil {
			t.Errorf("Read = %d, %v", n, err)
		}
		for _, fd := range p {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags != unix.FD_CLOEXEC {
				t.Errorf("flags of descriptor %d: %#x, %v", fd, flags, err)
			}
			const peerPidfd = 77 // SO_PEERPIDFD
			peer, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, peerPidfd)
			if err != nil {
				continue // as it should be, or the kernel is older
			}
			if _, err := unix.PidfdGetfd(peer, 0, 0); err != unix.ESRCH {
				t.Errorf("descriptor 0 of the peer: %v, want ESRCH", err)
			}
			unix.Close(peer)
		}
	}
}
