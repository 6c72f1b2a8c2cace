package lifecycle

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// unmounted has a configuration ask for nothing that is mounted, in a mount namespace that isn't the container's.
func unmounted(s *specs.Spec) {
	s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Linux.Devices, s.Root.Readonly = nil, nil, nil, nil, false
}

// Kernel parameters are set also where nothing is mounted for the container, in a mount namespace that isn't its own.
func TestSysctlWithoutMounts(t *testing.T) {
	harness.NeedRung(t, "runc takes the root filesystem's /proc, where there is none")
	for name, share := range sharers {
		for user, edit := range map[string]harness.Edit{"": func(*specs.Spec) {}, ", user namespace": harness.MappedRoot} {
			t.Run(name+user, func(t *testing.T) {
				harness.Share(t)
				_, ns := share(t)
				b := harness.New(t, ns, edit, unmounted, harness.Args("/bin/sleep", "60"), func(s *specs.Spec) {
					s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.msgmax": "4321"}
				})
				b.Chown(t)
				pid := b.Running(t)
				for path, want := range map[string]string{"net/ipv4/ip_forward": "1", "kernel/msgmax": "4321"} {
					out, err := exec.CommandContext(t.Context(), "nsenter", "-t", fmt.Sprint(pid), "-n", "-i", "cat", "/proc/sys/"+path).CombinedOutput()
					if got := strings.TrimSpace(string(out)); err != nil || got != want {
						t.Errorf("%s is %q, %v, want %s", path, got, err, want)
					}
				}
				b.End(t, pid)
				b.Spec.Process.Args, b.Spec.Linux.Sysctl = []string{"/bin/true"}, map[string]string{"net.ipv4.ip_forward": "much"}
				b.Save(t)
				b.Container(t, "run").Fails(t, 1, "/proc/sys/net/ipv4/ip_forward: invalid argument")
			})
		}
	}
}

// A terminal is of the root filesystem's devpts, also in another's mount namespace where nothing is mounted for the container.
func TestTerminalWithoutMounts(t *testing.T) {
	harness.NeedRung(t, "runc moves the root of a joined mount namespace")
	for name, share := range sharers {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, unmounted, terminal(24, 80), harness.Shell("stty size; exit 7"))
			pts := b.Rootfs + "/dev/pts"
			if err := os.MkdirAll(pts, 0o755); err != nil {
				t.Fatal(err)
			}
			harness.IgnoreMounts(pts)
			if err := unix.Mount("devpts", pts, "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
				t.Fatal(err)
			}
			defer unix.Unmount(pts, unix.MNT_DETACH)
			_, ns := share(t)
			ns(b.Spec)
			b.Save(t)
			recv := harness.Receive(t)
			pid, _ := b.Create(t, "--console-socket", recv.Path)
			pty := recv.Console(t)
			b.Must(t, "start")
			if ws := harness.Wait(t, pid); ws.ExitStatus() != 7 {
				t.Errorf("status %x, want 7", ws)
			}
			if got := pty.All(t); !strings.Contains(got, "24 80") {
				t.Errorf("the terminal shows %q, want its size", got)
			}
			b.Must(t, "delete")
		})
	}
}

// A device is never made at a path of the host's, nor of another container's: it is refused where the mount namespace isn't the container's own.
func TestLiveDeviceOutside(t *testing.T) {
	harness.NeedRung(t, "rung devices")
	for name, share := range sharers {
		for what, edit := range map[string]harness.Edit{"nothing mounted": unmounted, "mounts": func(*specs.Spec) {}} {
			t.Run(name+", "+what, func(t *testing.T) {
				pid, ns := share(t)
				b := harness.New(t, ns, edit, harness.Args("/bin/sleep", "60"))
				first := b.Running(t)
				node := harness.TempDir(t) + "/null"
				b.Run(t, "devices", "add", b.ID, "/dev/null", node).Fails(t, 1, "the container has no mount namespace of its own")
				for _, root := range []string{"", fmt.Sprintf("/proc/%d/root", pid), b.Rootfs} {
					if _, err := os.Lstat(root + node); err == nil {
						t.Errorf("%s is there", root+node)
					}
				}
				if r := b.Run(t, "devices", "list", "--format", "json", b.ID); strings.Contains(r.Stdout, "null\"") {
					t.Errorf("the list has it: %v", r)
				}
				b.Run(t, "devices", "remove", b.ID, node).Fails(t, 1, "no device was added at")
				b.End(t, first)
			})
		}
	}
}

// With --no-pivot the root of the container's mount namespace is the container's all the same.
func TestLiveDeviceNoPivot(t *testing.T) {
	harness.NeedRung(t, "rung devices")
	b := harness.New(t, harness.Args("/bin/sleep", "60"), writable)
	first, _ := b.Create(t, "--no-pivot")
	b.Must(t, "start")
	node := "/dev/rung-" + harness.Unique()
	b.Run(t, "devices", "add", b.ID, "/dev/zero", node).Silent(t)
	if _, err := os.Lstat(node); err == nil {
		t.Errorf("the host has %s", node)
	}
	if got := within(t, b, "dd if="+node+" bs=7 count=1 2>/dev/null | wc -c"); strings.TrimSpace(got) != "7" {
		t.Errorf("the container reads %q", got)
	}
	b.Run(t, "devices", "remove", b.ID, node).Silent(t)
	if got := within(t, b, "ls "+node); !strings.Contains(got, "No such file") {
		t.Errorf("it is still there: %q", got)
	}
	b.End(t, first)
}
