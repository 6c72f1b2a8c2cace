package spec

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestNetDevices(t *testing.T) {
	devices := func(names ...string) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Linux.NetDevices = map[string]specs.LinuxNetDevice{}
			for i := 0; i < len(names); i += 2 {
				s.Linux.NetDevices[names[i]] = specs.LinuxNetDevice{Name: names[i+1]}
			}
		}
	}
	for _, c := range []struct {
		edit func(*specs.Spec)
		want string
	}{
		{devices("eth0", ""), ""},
		{devices("eth0", "eth1", "eth1", "eth0"), ""},
		{devices("a", "eth%d", "b", "eth%d"), ""},
		{devices("a123456789012345", ""), `linux.netDevices["a123456789012345"]: invalid name of a network device`},
		{devices("", ""), `linux.netDevices[""]: invalid name of a network device`},
		{devices("a/b", ""), `linux.netDevices["a/b"]: invalid name of a network device`},
		{devices("a:1", ""), `linux.netDevices["a:1"]: invalid name of a network device`},
		{devices("a b", ""), `linux.netDevices["a b"]: invalid name of a network device`},
		{devices("..", ""), `linux.netDevices[".."]: invalid name of a network device`},
		{devices("à", ""), `linux.netDevices["à"]: invalid name of a network device`},
		{devices("a", "à"), `linux.netDevices["a"].name: invalid name of a network device "à"`},
		{devices("é", "ü"), ""},
		{devices("a", "x\n"), `linux.netDevices["a"].name: invalid name of a network device "x\n"`},
		{devices("a", "%d%d"), `linux.netDevices["a"].name: invalid name of a network device "%d%d"`},
		{devices("a", "%s"), `linux.netDevices["a"].name: invalid name of a network device "%s"`},
		{devices("a", "eth0", "b", "eth0"), `linux.netDevices["b"].name: "eth0" is the name of "a" already`},
		{devices("a", "b", "b", ""), `linux.netDevices["b"].name: "b" is the name of "a" already`},
		{func(s *specs.Spec) {
			devices("a", "")(s)
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
		}, `linux.netDevices: needs linux.namespaces to list "network"`},
	} {
		s := Example()
		c.edit(s)
		err := Validate(s)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	s := Example()
	devices("a", "")(s)
	if err := ValidateRootless(s, 1000); err == nil || !strings.Contains(err.Error(), "linux.netDevices: moving network devices takes root") {
		t.Errorf("rootless: %v", err)
	}
}

// names are what only one rule of the kernel's decides on.
var names = map[string]bool{
	"": false, ".": false, "..": false, "...": true, ".a": true, "a.": true, "eth0.100": true,
	"123456789012345": true, "1234567890123456": false, "ééééééé": true, "éééééééé": false, "1234567éééé": true, "12345678éééé": false,
	"a/b": false, "/": false, "a:1": false, "a@b": true, "%": true, "\x00": false, "a\x00": false, "\x01": true, "\x7f": true, "\\": true,
	" ": false, "a b": false, "\t": false, "\n": false, "\v": false, "\f": false, "\r": false, "\b": true, "\x0e": true, "\x1f": true,
	"à": false, "\xa0": false, "\u00a0": false, "Р": false, // c3 a0, a0, c2 a0, d0 a0
	"á": true, "\u0085": true, "\u2003": true, "\x85": true, "\x9f": true, "\xa1": true, "\xff": true, // no spaces to the kernel
}

func TestIsNetDevice(t *testing.T) {
	for name, want := range names {
		if got := isNetDevice(name); got != want {
			t.Errorf("isNetDevice(%q) = %v, want %v", name, got, want)
		}
	}
}

// The kernel is asked about the same names, and about every byte.
func TestIsNetDeviceKernel(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("making a network namespace takes root")
	}
	testbed.Thread(t, unix.CLONE_NEWNET, func() {
		rename, err := renamer(t)
		if err != nil {
			t.Fatal(err)
		}
		all := []string{}
		for name := range names {
			all = append(all, name)
		}
		for c := 1; c <= 0xff; c++ {
			all = append(all, "x"+string([]byte{byte(c)}))
		}
		for _, name := range all {
			if strings.ContainsAny(name, "%\x00") || len(name) >= unix.IFNAMSIZ {
				continue // a template, or cut by this call
			}
			err := rename(name)
			if err != nil && !errors.Is(err, unix.EINVAL) {
				t.Errorf("rename to %q: %v", name, err)
				continue
			}
			if got := isNetDevice(name); got != (err == nil) {
				t.Errorf("isNetDevice(%q) = %v, and the kernel says %v", name, got, err)
			}
		}
	})
}

// renamer is what renames lo in the network namespace of this thread.
func renamer(t *testing.T) (func(to string) error, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { unix.Close(fd) })
	now := "lo"
	return func(to string) error {
		var request struct{ from, to [unix.IFNAMSIZ]byte }
		copy(request.from[:], now)
		copy(request.to[:], to)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFNAME, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return errno
		}
		now = to
		return nil
	}, nil
}
