package lifecycle

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

const firstID, ids = 100000, 65536

// mapped puts the container into a user namespace whose root is host id 100000.
func mapped(s *specs.Spec) {
	addNS(specs.UserNamespace, "")(s)
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
	s.Linux.GIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
}

// chownAll gives the root filesystem to the container's root.
func chownAll(t *testing.T, b *harness.Bundle) {
	t.Helper()
	b.Give(t, firstID, firstID)
}

func TestUserNamespace(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("read:/proc/self/uid_map", "read:/proc/self/gid_map", "read:/proc/self/setgroups", "create:/tmp/x",
		"stat:/tmp/x", "stat:/dev/null", "open:/dev/null", "stat:/dev/tty", "mknod:/tmp/dev", "stat:/dev/shm", "mount:/tmp",
		"read:/proc/sys/kernel/msgmax"),
		mapped, writable, func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{"kernel.msgmax": "4322"}
			s.Process.Capabilities.Bounding = append(s.Process.Capabilities.Bounding, "CAP_MKNOD")
			s.Process.Capabilities.Permitted = append(s.Process.Capabilities.Permitted, "CAP_MKNOD")
			s.Process.Capabilities.Effective = append(s.Process.Capabilities.Effective, "CAP_MKNOD")
		})
	chownAll(t, b)
	r := b.Report(t)
	for try, want := range map[string]string{
		"create:/tmp/x": "ok", "open:/dev/null": "ok", "mknod:/tmp/dev": "EPERM", "mount:/tmp": "EPERM",
		"stat:/tmp/x": "ok file 0644 0:0", "read:/proc/self/setgroups": "ok allow", "read:/proc/sys/kernel/msgmax": "ok 4322",
		"stat:/dev/shm": "ok dir 1777 0:0",
	} {
		if r.Tries[try] != want {
			t.Errorf("%s: %s, want %s", try, r.Tries[try], want)
		}
	}
	for _, try := range []string{"read:/proc/self/uid_map", "read:/proc/self/gid_map"} {
		if got := strings.Join(strings.Fields(r.Tries[try]), " "); got != "ok 0 100000 65536" {
			t.Errorf("%s: %s, want 0 100000 65536", try, got)
		}
	}
	if !strings.HasPrefix(r.Tries["stat:/dev/null"], "ok char 0666") || !strings.HasSuffix(r.Tries["stat:/dev/null"], " 1:3") {
		t.Errorf("/dev/null: %s, want char 0666 1:3", r.Tries["stat:/dev/null"])
	}
	if r.UID != [3]int{} || r.Namespaces["user"] == ns(t, "self", "user") {
		t.Errorf("uid %v in %s, want 0 in a new one", r.UID, r.Namespaces["user"])
	}
	if st, err := os.Stat(b.Rootfs + "/tmp/x"); err != nil || !owned(st, firstID) {
		t.Errorf("the container's file on the host: %v, %v, want it to belong to %d", st, err, firstID)
	}
}

// The root filesystem may belong to somebody else, as long as it can be read.
func TestUserNamespaceForeignRootfs(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("create:/x", "stat:/bin/busybox", "create:/tmp/x"), mapped, writable)
	r := b.Report(t)
	for try, want := range map[string]string{"create:/x": "EACCES", "stat:/bin/busybox": "ok file 0755 65534:65534", "create:/tmp/x": "ok"} {
		if r.Tries[try] != want {
			t.Errorf("%s: %s, want %s", try, r.Tries[try], want)
		}
	}
}

func TestUserNamespaceTerminal(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe("-o", "/tmp/out", "-w", "/tmp/go", "stat:/dev/console"), mapped, writable, terminal(30, 90))
	chownAll(t, b)
	recv := harness.Receive(t)
	pid, _ := b.Create(t, "--console-socket", recv.Path)
	pty := recv.Console(t)
	b.Must(t, "start")
	b.Write(t, "tmp/go", "", 0o644)
	if ws := harness.Wait(t, pid); ws.ExitStatus() != 0 {
		t.Fatalf("probe: status %x: %s", ws, pty.All(t))
	}
	r := harness.ParseReport(t, b.Read(t, "tmp/out"))
	if r.TTY == nil || !r.TTY.Controlling || r.TTY.UID != 0 || r.TTY.GID != 5 {
		t.Errorf("terminal %+v, want a controlling one of 0:5", r.TTY)
	}
	b.Must(t, "delete")
}

func TestUserNamespaceUser(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Probe(), mapped, func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{5}}
	})
	chownAll(t, b)
	cmd := b.Cmd("run")
	r := cmd.Run(t)
	r.Silent(t)
	if rep := r.Report(t); rep.UID[0] != 1000 || rep.GID[0] != 1000 || len(rep.Groups) != 1 || rep.Groups[0] != 5 {
		t.Errorf("uid %v gid %v groups %v, want 1000, 1000, 5", rep.UID, rep.GID, rep.Groups)
	}
}

func TestUserNamespaceUnmapped(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, mapped, func(s *specs.Spec) { s.Process.User.UID = ids })
	b.Container(t, "run").Fails(t, 1, "")
}

// A container joins another's user namespace, and its network.
func TestJoinUserNamespace(t *testing.T) {
	first := harness.New(t, harness.Args("/bin/sleep", "60"), mapped)
	chownAll(t, first)
	pid, _ := first.Create(t)
	first.Must(t, "start")
	for name, c := range map[string]struct {
		kinds []specs.LinuxNamespaceType
		maps  bool
	}{
		"user":                         {[]specs.LinuxNamespaceType{specs.UserNamespace}, false},
		"user, with the same mappings": {[]specs.LinuxNamespaceType{specs.UserNamespace}, true},
		"user, net, ipc and uts":       {[]specs.LinuxNamespaceType{specs.UserNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace}, false},
		"net first, and pid":           {[]specs.LinuxNamespaceType{specs.NetworkNamespace, specs.PIDNamespace, specs.UserNamespace}, false},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Probe("read:/proc/self/uid_map"), func(s *specs.Spec) {
				s.Hostname = ""
				for _, kind := range c.kinds {
					addNS(kind, fmt.Sprintf("/proc/%d/ns/%s", pid, nsFiles[kind]))(s)
				}
				if c.maps {
					s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: firstID, Size: ids}}
					s.Linux.GIDMappings = s.Linux.UIDMappings
				}
			})
			chownAll(t, b)
			r := b.Report(t)
			for _, kind := range c.kinds {
				if got, want := r.Namespaces[nsFiles[kind]], ns(t, pid, nsFiles[kind]); got != want {
					t.Errorf("%s = %s, want %s", kind, got, want)
				}
			}
			if got := strings.Join(strings.Fields(r.Tries["read:/proc/self/uid_map"]), " "); got != "ok 0 100000 65536" {
				t.Errorf("uid_map: %s, want 0 100000 65536", got)
			}
		})
	}
	first.End(t, pid)
}

// dockerd --userns-remap joins a network namespace that the host owns.
func TestUserNamespaceHostOwnedNetwork(t *testing.T) {
	harness.Share(t)
	pid := unshared(t, "-n")
	b := harness.New(t, harness.Probe(), mapped, addNS(specs.NetworkNamespace, fmt.Sprintf("/proc/%d/ns/net", pid)))
	// sysfs of a network namespace that the user namespace doesn't own can't be
	// mounted: engines bind the host's then.
	for i, m := range b.Spec.Mounts {
		if m.Destination == "/sys" {
			b.Spec.Mounts[i] = specs.Mount{Destination: "/sys", Type: "none", Source: "/sys", Options: []string{"rbind", "nosuid", "noexec", "nodev", "ro"}}
		}
	}
	b.Save(t)
	chownAll(t, b)
	if got, want := b.Report(t).Namespaces["net"], ns(t, pid, "net"); got != want {
		t.Errorf("net = %s, want %s", got, want)
	}
}
