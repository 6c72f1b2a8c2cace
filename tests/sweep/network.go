package sweep

import (
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// device is the network device that a container is given, and lower the one that it is above.
const device, lower, peer = "sw0", "sw1", "sw2"

// ownNetwork gives the rest of the test a network namespace of its own to be the host's, in which nobody else makes
// devices. The thread ends with the test.
func ownNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

func ip(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", line, err, out)
	}
}

// networked is a bundle whose container is given a network device: a macvlan, whose name is free as soon as its
// network namespace has gone.
func networked(t *testing.T, s *sweep) {
	if _, err := net.InterfaceByName(lower); err != nil {
		ip(t, "link add "+lower+" type veth peer name "+peer)
		ip(t, "link set "+lower+" up")
	}
	s.b.Spec.Linux.NetDevices = map[string]specs.LinuxNetDevice{device: {Name: "eth0"}}
	s.network = true
}

// newDevice makes the device anew.
func newDevice(t *testing.T) (was string) {
	t.Helper()
	if _, err := net.InterfaceByName(device); err == nil {
		ip(t, "link del "+device)
	}
	ip(t, "link add link "+lower+" name "+device+" mtu 1400 type macvlan mode bridge")
	ip(t, "addr add 192.0.2.9/24 dev "+device)
	ip(t, "link set "+device+" up")
	for name, how := range interfaces() {
		if name == device {
			was = how
		}
	}
	return was
}

// interfaces are the host's network devices, and how they are.
func interfaces() map[string]string {
	found := map[string]string{}
	list, _ := net.Interfaces()
	for _, i := range list {
		var global []string
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if !strings.HasPrefix(a.String(), "fe80:") { // which come and go with the device's being up
				global = append(global, a.String())
			}
		}
		found[i.Name] = fmt.Sprintf("mtu %d %v up %v %v", i.MTU, i.HardwareAddr, i.Flags&net.FlagUp != 0, global)
	}
	return found
}
