package choose_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgtest"
	"github.com/rung-oci/rung/cgroups/device"
	"github.com/rung-oci/rung/internal/testbed"
)

const probeEnv = "RUNGCG_PROBE"

// TestMain makes a copy of the test binary try device accesses, see probe.
func TestMain(m *testing.M) {
	if dir := os.Getenv(probeEnv); dir != "" {
		if err := probe(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testbed.Main(m)
}

// request is one access to one device.
type request struct {
	typ          byte
	major, minor uint32
	access       device.Access
}

func (r request) String() string { return fmt.Sprintf("%c%d:%d%v", r.typ, r.major, r.minor, r.access) }

func (r request) node(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("%c%d:%d", r.typ, r.major, r.minor))
}

// requests are for devices of which most have no driver: what the cgroup lets
// through fails with ENXIO then, and nothing happens.
func requests() []request {
	var all []request
	for _, typ := range []byte{device.Char, device.Block} {
		for _, n := range [][2]uint32{{1, 3}, {1, 5}, {1, 9}, {240, 1}, {240, 2}, {241, 2}} {
			for _, a := range []device.Access{device.Mknod, device.Read, device.Write, device.Read | device.Write} {
				all = append(all, request{typ, n[0], n[1], a})
			}
		}
	}
	return all
}

func (r request) do(dir string) error {
	node := r.node(dir)
	if r.access == device.Mknod {
		node += ".new"
		defer os.Remove(node)
		return mknod(node, r)
	}
	flags := map[device.Access]int{device.Read: unix.O_RDONLY, device.Write: unix.O_WRONLY, device.Read | device.Write: unix.O_RDWR}
	fd, err := unix.Open(node, flags[r.access]|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func mknod(path string, r request) error {
	mode := uint32(unix.S_IFCHR)
	if r.typ == device.Block {
		mode = unix.S_IFBLK
	}
	return unix.Mknod(path, mode|0o600, int(unix.Mkdev(r.major, r.minor)))
}

// probe runs inside the cgroup and writes one line per request.
func probe(dir string) error {
	var b strings.Builder
	for _, r := range requests() {
		fmt.Fprintf(&b, "%v %v\n", r, !errors.Is(r.do(dir), unix.EPERM))
	}
	return os.WriteFile(filepath.Join(dir, "result"), []byte(b.String()), 0o600)
}

func number(n int64) *int64 { return &n }

func dev(allow bool, typ string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: allow, Type: typ, Major: number(major), Minor: number(minor), Access: access}
}

// TestDevices asks the kernel, and compares with the evaluator.
func TestDevices(t *testing.T) {
	rules := map[string][]specs.LinuxDeviceCgroup{
		"none":                   nil,
		"one allowed, no denial": {dev(true, "c", 240, 1, "rwm")},
		"docker's":               {{Access: "rwm"}, dev(true, "c", 1, 5, "rwm"), dev(false, "c", 240, 1, "rwm")},
		"everything":             {{Allow: true, Access: "rwm"}},
		"everything but one":     {{Allow: true}, dev(false, "c", 240, 1, "w")},
		"everything but blocks":  {{Allow: true}, dev(false, "b", -1, -1, "rwm")},
		"a hole":                 {dev(true, "c", 240, -1, "rw"), dev(false, "c", 240, 1, "w")},
		"overlapping wildcards":  {dev(true, "b", 240, -1, "r"), dev(true, "b", -1, 2, "w")},
	}
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		for name, in := range rules {
			t.Run(name, func(t *testing.T) { testDevices(t, h, in) })
		}
	})
}

func testDevices(t *testing.T, h *cgtest.Host, in []specs.LinuxDeviceCgroup) {
	list, err := device.Rules(in)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := h.Manager(t, "")
	err = cgtest.Create(m, &specs.LinuxResources{Devices: in})
	if errors.Is(err, device.ErrV1) && h.Mode != cgroups.Unified {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	ask(t, m, list)
}

// ask compares what the kernel answers in the cgroup with the list.
func ask(t *testing.T, m cgroups.Manager, list device.List) {
	t.Helper()
	dir := t.TempDir()
	for _, r := range requests() {
		if err := mknod(r.node(dir), r); err != nil && !errors.Is(err, unix.EEXIST) {
			t.Fatal(err)
		}
	}
	t.Setenv(probeEnv, dir)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := cgtest.Start(t, m, exe)
	if err, ok := p.Wait(20 * time.Second); !ok || err != nil {
		t.Fatalf("probe: %v", err)
	}
	result := cgtest.Read(t, filepath.Join(dir, "result"))
	for _, r := range requests() {
		want := list.Allowed(r.typ, int64(r.major), int64(r.minor), r.access)
		if line := fmt.Sprintf("%v %v", r, want); !strings.Contains("\n"+result+"\n", "\n"+line+"\n") {
			t.Errorf("%v: the kernel answers %v, want %v", r, !want, want)
		}
	}
}

// TestSetDevices goes from each list to the next, and back.
func TestSetDevices(t *testing.T) {
	lists := [][]specs.LinuxDeviceCgroup{
		nil,
		{dev(true, "c", 240, 1, "rwm")},
		{{Allow: true, Access: "rwm"}},
		{{Access: "rwm"}, dev(true, "c", 240, -1, "r"), dev(true, "b", 1, 5, "w")},
		{{Allow: true}, dev(false, "b", -1, -1, "rwm")},
		{{Allow: true}, dev(false, "b", 240, -1, "rwm"), dev(false, "c", 241, 2, "r")},
		{dev(true, "c", 240, 1, "w"), dev(true, "b", -1, 2, "r")},
		{{Allow: true, Access: "rwm"}},
		nil,
	}
	cgtest.Each(t, func(t *testing.T, h *cgtest.Host) {
		m, _ := h.Manager(t, "")
		old := &specs.LinuxResources{}
		create(t, m, old)
		cgtest.Start(t, m, "sleep", "60")
		for i, in := range append(lists, lists[3], lists[1], lists[0]) {
			r := &specs.LinuxResources{Devices: in}
			if len(in) == 0 {
				r.Devices = []specs.LinuxDeviceCgroup{{Access: "rwm"}}
			}
			if err := m.Set(r, old); err != nil {
				t.Fatalf("list %d: %v", i, err)
			}
			old = r
			list, err := device.Rules(in)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprint("list ", i), func(t *testing.T) { ask(t, m, list) })
		}
	})
}

// A device program that can't be attached is told apart, and leaves nothing.
func TestAttachRefused(t *testing.T) {
	err := device.Attach(-1, device.Compile(nil))
	if !errors.Is(err, device.ErrAttach) || !errors.Is(err, unix.EBADF) {
		t.Errorf("Attach(-1) = %v, want ErrAttach and EBADF", err)
	}
	if err := device.Attach(-1, nil); err != nil {
		t.Errorf("Attach() of no program = %v", err)
	}
}
