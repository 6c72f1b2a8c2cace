package lifecycle

import (
	"encoding/json"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// ownNetwork gives the rest of the test a network namespace of its own to be the
// host's. The thread ends with the test.
func ownNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

// ip runs ip(8) with the words of a line.
func ip(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v, %s", line, err, out)
	}
	return string(out)
}

// A nic is what a test wants to know of a network device.
type nic struct {
	Name  string `json:"ifname"`
	MTU   int
	MAC   string `json:"address"`
	Flags []string
	Addrs []struct {
		Family, Scope, Local, Label string
		Prefixlen                   int
	} `json:"addr_info"`
}

// addresses are those of global scope, as text.
func (n *nic) addresses() (list []string) {
	for _, a := range n.Addrs {
		if a.Scope == "global" {
			list = append(list, a.Local+"/"+strconv.Itoa(a.Prefixlen)+" "+a.Label)
		}
	}
	return list
}

// permanent are the addresses without the one that [addressed] gave a lifetime.
func permanent(n *nic) []string {
	return slices.DeleteFunc(n.addresses(), func(a string) bool { return strings.HasPrefix(a, "2001:db8::8/") })
}

// nics are the devices that ip sees, run as the words say.
func nics(t *testing.T, via ...string) map[string]*nic {
	t.Helper()
	words := append(via, "ip", "-json", "addr")
	out, err := exec.Command(words[0], words[1:]...).Output()
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	var list []*nic
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]*nic{}
	for _, n := range list {
		found[n.Name] = n
	}
	return found
}

// inside are the devices of a process's network namespace.
func inside(t *testing.T, pid int) map[string]*nic {
	t.Helper()
	return nics(t, "nsenter", "-n", "-t", strconv.Itoa(pid))
}

// devices sets linux.netDevices from pairs of names.
func devices(pairs ...string) harness.Edit {
	return func(s *specs.Spec) {
		s.Linux.NetDevices = map[string]specs.LinuxNetDevice{}
		for i := 0; i < len(pairs); i += 2 {
			s.Linux.NetDevices[pairs[i]] = specs.LinuxNetDevice{Name: pairs[i+1]}
		}
	}
}

// addressed makes a veth with addresses, which are returned as they look after
// its name has become another.
func addressed(t *testing.T, name, later string) []string {
	t.Helper()
	ip(t, "link add "+name+" mtu 1400 type veth peer name "+name+"p")
	ip(t, "link set "+name+"p up")
	ip(t, "link set "+name+" up")
	ip(t, "addr add 192.0.2.7/24 dev "+name)
	ip(t, "addr add 192.0.2.8/24 dev "+name+" label "+name+":b")
	ip(t, "addr add 198.51.100.1/32 dev "+name+" scope link") // not of global scope: left behind
	ip(t, "addr add 2001:db8::7/64 dev "+name+" nodad")
	ip(t, "addr add 2001:db8::8/64 dev "+name+" nodad valid_lft 1000 preferred_lft 900") // not permanent
	return []string{"192.0.2.7/24 " + later, "192.0.2.8/24 " + later + ":b", "2001:db8::7/64 "}
}

// A device comes with its permanent addresses, MTU and hardware address, under
// the name that was asked for, up, and is gone from the host.
func TestNetDevices(t *testing.T) {
	harness.NeedRung(t, "linux.netDevices")
	for _, c := range []struct {
		name, device, want string
		edits              []harness.Edit
	}{
		{"same name", "", "rv0", nil},
		{"renamed", "eth0", "eth0", nil},
		{"numbered", "eth%d", "eth0", nil},
		{"user namespace", "eth0", "eth0", []harness.Edit{harness.MappedRoot}},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			ownNetwork(t)
			want := addressed(t, "rv0", c.want)
			before := nics(t)["rv0"]
			b := harness.New(t, append(c.edits, harness.Args("/bin/sleep", "300"), devices("rv0", c.device))...)
			b.Chown(t)
			pid, r := b.Create(t)
			if r.Code != 0 {
				t.Fatal(r)
			}
			defer b.End(t, pid)
			n := inside(t, pid)[c.want]
			if n == nil {
				t.Fatalf("no %s in the container: %v", c.want, inside(t, pid))
			}
			if got := n.addresses(); !slices.Equal(got, want) {
				t.Errorf("addresses %q, want %q", got, want)
			}
			if n.MTU != 1400 || n.MAC != before.MAC || !slices.Contains(n.Flags, "UP") {
				t.Errorf("device %+v, was %+v", n, before)
			}
			if nics(t)["rv0"] != nil {
				t.Error("the device is on the host still")
			}
			b.Must(t, "start")
			// It is there for the container's own eyes.
			if r := execIn(t, b, nil, "ip", "addr", "show", c.want); r.Code != 0 || !strings.Contains(r.Stdout, "192.0.2.7/24") {
				t.Errorf("ip in the container: %v", r)
			}
		})
	}
}

// Two devices may swap names, a macvlan moves like a veth, and one that was down
// is up.
func TestNetDevicesKinds(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "linux.netDevices")
	ownNetwork(t)
	ip(t, "link add eth0 type veth peer name p0")
	ip(t, "link add eth1 type veth peer name p1")
	ip(t, "link set p0 up")
	ip(t, "link add link p1 name mv0 type macvlan mode bridge")
	ip(t, "addr add 192.0.2.9/24 dev mv0")
	was := nics(t)
	b := harness.New(t, harness.Args("/bin/sleep", "300"), devices("eth0", "eth1", "eth1", "eth0", "mv0", "net%d"))
	pid, r := b.Create(t)
	if r.Code != 0 {
		t.Fatal(r)
	}
	defer b.End(t, pid)
	now := inside(t, pid)
	for _, pair := range [][2]string{{"eth0", "eth1"}, {"eth1", "eth0"}, {"mv0", "net0"}} {
		n := now[pair[1]]
		if n == nil || n.MAC != was[pair[0]].MAC || !slices.Contains(n.Flags, "UP") {
			t.Errorf("%s: was %+v, is %+v", pair[1], was[pair[0]], n)
		}
	}
	if n := now["net0"]; n != nil && !slices.Equal(n.addresses(), []string{"192.0.2.9/24 net0"}) {
		t.Errorf("macvlan has %q", n.addresses())
	}
}

// A namespace that is joined gets devices too, and keeps them.
func TestNetDevicesJoined(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "linux.netDevices")
	ownNetwork(t)
	want := addressed(t, "rv0", "eth7")
	other := harness.New(t, harness.Args("/bin/sleep", "300"))
	pid, r := other.Create(t)
	if r.Code != 0 {
		t.Fatal(r)
	}
	defer other.End(t, pid)
	ns := "/proc/" + strconv.Itoa(pid) + "/ns/net"
	b := other.Beside(t, harness.JoinNS(specs.NetworkNamespace, ns), devices("rv0", "eth7"))
	b.Container(t, "run").Silent(t)
	if n := inside(t, pid)["eth7"]; n == nil || !slices.Equal(n.addresses(), want) {
		t.Errorf("in the joined namespace: %+v, want %q", n, want)
	}
	// The name is taken now.
	ip(t, "link add rv1 type veth peer name rv1q")
	c := other.Beside(t, harness.JoinNS(specs.NetworkNamespace, ns), devices("rv1", "eth7"))
	c.Container(t, "run").Fails(t, 1, `linux.netDevices[\"rv1\"]: the container has a device eth7 already: file exists`)
	if nics(t)["rv1"] == nil {
		t.Error("the device has left the host")
	}
}

// What fails leaves the host as it was: other devices are back, with addresses,
// up or down as they were.
func TestNetDevicesUndo(t *testing.T) {
	harness.NeedRung(t, "linux.netDevices")
	hook := func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/false"}}} }
	for _, c := range []struct {
		name, want string
		edits      []harness.Edit
	}{
		{"missing", `linux.netDevices[\"rx\"]: find device: no such device`, []harness.Edit{devices("rv0", "eth0", "down0", "", "rx", "")}},
		{"taken", `linux.netDevices[\"rv0\"]: the container has a device lo already: file exists`, []harness.Edit{devices("rv0", "lo", "down0", "")}},
		{"hook", "createRuntime", []harness.Edit{devices("rv0", "eth%d", "down0", "eth%d"), hook}},
		{"later", "not-there", []harness.Edit{devices("rv0", "eth0"), harness.Args("/bin/not-there")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			ownNetwork(t)
			addressed(t, "rv0", "")
			ip(t, "link add down0 type veth peer name down0p")
			ip(t, "addr add 203.0.113.1/24 dev down0")
			was := nics(t)
			b := harness.New(t, c.edits...)
			b.Container(t, "create").Fails(t, 1, c.want)
			now := nics(t)
			for _, name := range []string{"rv0", "down0"} {
				n, w := now[name], was[name]
				if n == nil || n.MAC != w.MAC || slices.Contains(n.Flags, "UP") != slices.Contains(w.Flags, "UP") {
					t.Errorf("%s is %+v, was %+v", name, n, w)
					continue
				}
				if !slices.Equal(permanent(n), permanent(w)) {
					t.Errorf("%s has %q, want %q", name, permanent(n), permanent(w))
				}
			}
		})
	}
}

// A device without a peer, where the kernel has them (the virtual machine's does).
func TestNetDevicesDummy(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "linux.netDevices")
	ownNetwork(t)
	if out, err := exec.Command("ip", "link", "add", "dum0", "type", "dummy").CombinedOutput(); err != nil {
		t.Skipf("this kernel has no dummy devices: %s", out)
	}
	ip(t, "addr add 192.0.2.3/24 dev dum0")
	b := harness.New(t, harness.Args("ip", "addr", "show", "eth0"), devices("dum0", "eth0"))
	if r := b.Container(t, "run"); r.Code != 0 || !strings.Contains(r.Stdout, "192.0.2.3/24") {
		t.Error(r)
	}
}
