package rootless

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// allCapabilities is what a container of containers needs in its own user
// namespace; nothing of it counts on the host.
var allCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP",
	"CAP_SETUID", "CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_RESOURCE", "CAP_FSETID", "CAP_DAC_READ_SEARCH",
}

// nesting makes a container fit for others inside: they may mount a procfs only
// where nothing of this one's is hidden.
func nesting(s *specs.Spec) {
	c := &specs.LinuxCapabilities{Bounding: allCapabilities, Effective: allCapabilities, Permitted: allCapabilities}
	s.Process.Capabilities, s.Process.NoNewPrivileges = c, false
	s.Process.Env = []string{"PATH=/bin", "USER=root"}
	s.Root.Readonly = false
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	s.Process.Args = []string{"/bin/rung", "--root", "/run/in", "run", "--bundle", "/inner", "inner"}
}

// fill puts the runtime and a bundle into a container's root filesystem.
func fill(t *testing.T, b *harness.Bundle, inner *specs.Spec) {
	t.Helper()
	binary, err := os.ReadFile(harness.Runtime())
	if err != nil {
		t.Fatal(err)
	}
	b.Write(t, "bin/rung", string(binary), 0o755)
	for _, dir := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(b.Rootfs+"/inner/rootfs/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sh", "cat", "id", "test"} {
		if err := os.Link(b.Rootfs+"/bin/busybox", b.Rootfs+"/inner/rootfs/bin/"+name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(b.Rootfs+"/run", 0o755); err != nil {
		t.Fatal(err)
	}
	inner.Root = &specs.Root{Path: "rootfs"}
	inner.Process.Terminal = false
	inner.Process.Args = []string{"/bin/sh", "-c", "echo pid $$; id -u; cat /proc/self/uid_map; test -c /dev/null && echo >/dev/null && echo good"}
	text, err := json.Marshal(inner)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(t, "inner/config.json", string(text), 0o644)
}

// rung runs inside of a container: root of a user namespace is enough, and one
// that an ordinary user made is too.
func TestInContainer(t *testing.T) {
	if err := harness.User(); err != nil {
		t.Fatal(err)
	}
	plain := func(s *specs.Spec) {
		s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		namespace(specs.UserNamespace, "-")(s)
		namespace(specs.NetworkNamespace, "")(s)
	}
	below := func(s *specs.Spec) {
		plain(s)
		namespace(specs.UserNamespace, "")(s)
		mapping(specs.LinuxIDMapping{Size: 1})(s)
	}
	outers := map[string]func(t *testing.T) *harness.Bundle{
		"of root with 65536 ids": func(t *testing.T) *harness.Bundle {
			b := harness.New(t, nesting, namespace(specs.UserNamespace, ""), mapping(ranges["65536 without his"]...))
			return b
		},
		"of a user with 65536 ids": func(t *testing.T) *harness.Bundle {
			return newBundle(t, nesting, namespace(specs.NetworkNamespace, ""), mapping(ranges["65536 with his"]...), newSysfs)
		},
		"of a user with one id": func(t *testing.T) *harness.Bundle {
			return newBundle(t, nesting, namespace(specs.NetworkNamespace, ""), newSysfs)
		},
	}
	for outer, bundle := range outers {
		for inner, edit := range map[string]harness.Edit{"plain": plain, "in a user namespace": below} {
			t.Run(outer+"/"+inner, func(t *testing.T) {
				harness.Share(t)
				b := bundle(t)
				text, err := example()
				if err != nil {
					t.Fatal(err)
				}
				s := new(specs.Spec)
				if err := json.Unmarshal(text, s); err != nil {
					t.Fatal(err)
				}
				edit(s)
				newSysfs(s)
				few := []string{"CAP_KILL"} // the outer one hasn't all of the example's
				s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: few, Effective: few, Permitted: few}
				fill(t, b, s)
				id := uid
				if strings.HasPrefix(outer, "of root") {
					id = firstID
				}
				b.Give(t, id, id)
				r := b.Container(t, "run")
				r.Silent(t)
				if f := fields(r.Stdout); !strings.HasPrefix(f, "pid 1 0 0 ") || !strings.HasSuffix(f, " good") {
					t.Errorf("the inner container said %q", f)
				}
				b.Spec.Process.Args = []string{"/bin/rung", "--root", "/run/in", "doctor", "/inner"}
				b.Save(t)
				if r := b.Container(t, "run"); r.Code > 1 {
					t.Errorf("the doctor misses something that it takes: %v", r)
				}
			})
		}
	}
}

// newSysfs has a sysfs of the container's own network.
func newSysfs(s *specs.Spec) {
	for i := range s.Mounts {
		if s.Mounts[i].Destination == "/sys" {
			s.Mounts[i] = specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}}
		}
	}
}
