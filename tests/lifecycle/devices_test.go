package lifecycle

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func deviceList(list ...specs.LinuxDevice) harness.Edit {
	return func(s *specs.Spec) { s.Linux.Devices = list }
}

// Devices have the mode and the owner that they are asked for, in a user namespace too
// and whatever the caller's umask is.
func TestDeviceOwner(t *testing.T) {
	mode, uid, gid := os.FileMode(0o640), uint32(7), uint32(8)
	for name, edit := range map[string]harness.Edit{"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			if name == "user namespace" {
				harness.NeedRung(t, "devices that the host has no file of, as crun has them too")
			}
			b := harness.New(t, harness.Shell("stat -c '%n %a %u:%g %t:%T' /dev/a /dev/b /dev/p"), edit, deviceList(
				specs.LinuxDevice{Path: "/dev/a", Type: "c", Major: 1, Minor: 3, FileMode: &mode, UID: &uid, GID: &gid},
				specs.LinuxDevice{Path: "/dev/b", Type: "c", Major: 1, Minor: 5},
				specs.LinuxDevice{Path: "/dev/p", Type: "p", FileMode: &mode, UID: &uid, GID: &gid},
			))
			b.Chown(t)
			for _, mask := range []string{"022", "077"} {
				call := b.Cmd("run")
				call.Via = sh("umask " + mask)
				r := call.Run(t)
				if want := "/dev/a 640 7:8 1:3\n/dev/b 666 0:0 1:5\n/dev/p 640 7:8 0:0\n"; r.Stdout != want {
					t.Errorf("umask %s: want\n%s%v", mask, want, r)
				}
			}
		})
	}
}

// What is of the container's own devpts is made by the runtime, whatever the list of
// devices says: privileged containers of engines have all of the host's in it.
func TestDevicesOfOurs(t *testing.T) {
	harness.NeedRung(t, "runc 1.4.0 doesn't come to use its own /dev/null with such a list")
	mode := os.FileMode(0o666)
	for name, edit := range map[string]harness.Edit{"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Shell("readlink /dev/ptmx; stat -c '%t:%T' /dev/null /dev/console 2>/dev/null"), edit, deviceList(
				specs.LinuxDevice{Path: "/dev/ptmx", Type: "c", Major: 5, Minor: 2, FileMode: &mode},
				specs.LinuxDevice{Path: "/dev/pts/ptmx", Type: "c", Major: 5, Minor: 2, FileMode: &mode},
				specs.LinuxDevice{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, FileMode: &mode},
				specs.LinuxDevice{Path: "/dev/console", Type: "c", Major: 5, Minor: 1, FileMode: &mode},
			))
			b.Chown(t)
			if r := b.Container(t, "run"); r.Stderr != "" || !strings.HasPrefix(r.Stdout, "pts/ptmx\n1:3\n") {
				t.Errorf("%v", r)
			}
			b.Spec.Process.Terminal = true
			b.Save(t)
			call := b.Cmd("run", "--detach", "--console-socket", harness.Receive(t).Path)
			call.Run(t).Silent(t)
			b.Must(t, "delete", "--force")
			b.ReapAll(t)
		})
	}
}

// Of two entries for one device the first counts.
func TestDeviceTwice(t *testing.T) {
	harness.Share(t)
	first, second := os.FileMode(0o600), os.FileMode(0o644)
	b := harness.New(t, harness.Shell("stat -c %a /dev/a"), deviceList(
		specs.LinuxDevice{Path: "/dev/a", Type: "c", Major: 1, Minor: 3, FileMode: &first},
		specs.LinuxDevice{Path: "/dev/a", Type: "c", Major: 1, Minor: 3, FileMode: &second},
	))
	if r := b.Container(t, "run"); r.Stdout != "600\n" {
		t.Errorf("%v", r)
	}
}

// A tmpfs where the image has nothing is everybody's, as the kernel makes one; where it
// has a directory it has that one's mode.
func TestTmpfsMode(t *testing.T) {
	for name, edit := range map[string]harness.Edit{"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Shell("stat -c '%n %a' /cache /a/b/c /is /word; touch /cache/x && echo written"), edit, writable, func(s *specs.Spec) {
				s.Process.User = specs.User{UID: 1000, GID: 1000}
				for _, m := range []specs.Mount{
					{Destination: "/cache", Options: []string{"nosuid"}}, {Destination: "/a/b/c"}, {Destination: "/is"}, {Destination: "/word", Options: []string{"mode=0711"}},
				} {
					m.Type, m.Source = "tmpfs", "tmpfs"
					s.Mounts = append(s.Mounts, m)
				}
			})
			b.Chown(t)
			if err := os.Mkdir(b.Rootfs+"/is", 0o705); err != nil {
				t.Fatal(err)
			}
			r := b.Container(t, "run")
			if want := "/cache 1777\n/a/b/c 1777\n/is 705\n/word 711\nwritten\n"; r.Stdout != want {
				t.Errorf("want\n%s%v", want, r)
			}
		})
	}
}

// An empty HOME is none: the one of the image's passwd file counts.
func TestEmptyHome(t *testing.T) {
	for name, env := range map[string][]string{"none": nil, "empty": {"HOME="}, "emptied": {"HOME=/x", "HOME="}} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Shell("echo $HOME; sleep 60"), func(s *specs.Spec) {
				s.Process.Env = append([]string{"PATH=/bin"}, env...)
			})
			b.Write(t, "etc/passwd", "root:x:0:0::/root-home:/bin/sh\n", 0o644)
			pid, r := b.Create(t)
			b.Must(t, "start")
			out := b.Run(t, "exec", "-e", "HOME=", b.ID, "/bin/sh", "-c", "echo $HOME")
			if out.Stdout != "/root-home\n" {
				t.Errorf("exec: %v", out)
			}
			got := ""
			harness.Until(t, "the container says its HOME", func() bool { got = r.Reread(t); return strings.HasSuffix(got, "\n") })
			if got != "/root-home\n" {
				t.Errorf("HOME of the container is %q", got)
			}
			b.End(t, pid)
		})
	}
}
