package libcontainer

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// TestSendListener sends more than fits into a socket at once.
func TestSendListener(t *testing.T) {
	for _, size := range []int{0, 10, 3 << 20} {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.SetNonblock(pair[0], true)
		p := &specs.LinuxSeccomp{ListenerPath: "/agent", ListenerMetadata: strings.Repeat("\"", size)}
		st := stateText("id", specs.StateCreating, "/bundle", map[string]string{"a": "b"})
		sent := make(chan error, 1)
		go func() { sent <- sendState(pair[0], pair[0], 42, 41, p, st) }()
		var text []byte
		rights := 0
		for buf, oob := make([]byte, 1<<16), make([]byte, 128); ; {
			n, oobn, _, _, err := unix.Recvmsg(pair[1], buf, oob, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if oobn > 0 {
				closeRights(t, oob[:oobn])
				rights++
			}
			if text = append(text, buf[:n]...); n == 0 {
				break
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		var got specs.ContainerProcessState
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.Pid != 42 || got.State.Pid != 41 || got.Metadata != p.ListenerMetadata || got.Fds[0] != specs.SeccompFdName || got.State.Annotations["a"] != "b" || rights != 1 {
			t.Errorf("%d bytes: %+v with %d messages with descriptors", size, got.State, rights)
		}
		unix.Close(pair[0])
		unix.Close(pair[1])
	}
}

// closeRights closes the descriptors of a control message.
func closeRights(t *testing.T, oob []byte) {
	t.Helper()
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil {
		t.Fatal(err)
	}
	fdio.CloseAll(fds)
}

func TestSendListenerFails(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pair[1])
	defer unix.Close(pair[0])
	err = sendState(pair[0], pair[0], 1, 1, &specs.LinuxSeccomp{ListenerPath: "/agent"}, stateText("id", specs.StateCreating, "/b", nil))
	if !errors.Is(err, unix.EPIPE) {
		t.Errorf("error = %v", err)
	}
}
