package rootless

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What root has given an ordinary user's container the user sees as it is: there, covered, gone; or that it can't be seen.
func TestLiveSeen(t *testing.T) {
	harness.NeedRung(t, "rung mounts")
	_, begin := delegated(t)
	src := harness.TempDir(t)
	if err := os.WriteFile(src+"/dir", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	root := func(b *harness.Bundle, args ...string) {
		t.Helper()
		(&harness.Cmd{Args: append([]string{"--root", b.Root}, args...)}).Run(t).Silent(t)
	}
	list := func(b *harness.Bundle, what, want string) {
		t.Helper()
		table, doc := b.Run(t, what, "list", b.ID), b.Run(t, what, "list", "--format", "json", b.ID)
		inJSON := strings.ReplaceAll(want, "unknown", "null")
		if !strings.HasSuffix(table.Stdout, " "+want+"\n") || !strings.Contains(doc.Stdout, `"present": `+inJSON+"\n") {
			t.Errorf("want %s: %v; %v", want, table, doc)
		}
	}
	for name, maps := range ranges {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, mapping(maps...), harness.Capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"), harness.Args("/bin/sleep", "600"))
			b.Via = append(begin, asUser()...)
			b.Write(t, "data/there", "", 0o644)
			b.Chown(t)
			pid := b.Running(t)
			inside := func(script string) {
				t.Helper()
				b.Run(t, "exec", b.ID, "/bin/sh", "-c", script).Silent(t)
			}
			root(b, "mounts", "add", b.ID, src, "/data")
			list(b, "mounts", "true")
			inside("mount -t tmpfs x /data")
			list(b, "mounts", "false")
			inside("umount /data")
			list(b, "mounts", "true")
			inside("umount /data")
			list(b, "mounts", "false")
			if harness.View() == harness.V1 { // has no rules for devices here
				b.End(t, pid)
				return
			}
			root(b, "devices", "add", b.ID, "/dev/kmsg", "/dev/log0")
			list(b, "devices", "true")
			inside("umount /dev/log0")
			list(b, "devices", "false")
			b.End(t, pid)
		})
	}
	t.Run("another root directory", func(t *testing.T) {
		b := newBundle(t, harness.Capabilities("CAP_SYS_CHROOT"), harness.Args("/bin/busybox", "chroot", "/jail", "/bin/sleep", "600"),
			harness.AddMount(specs.Mount{Destination: "/jail/bin", Source: "rootfs/bin", Options: []string{"bind"}}))
		pid := b.Running(t)
		harness.Until(t, "it has its own root directory", func() bool {
			at, _ := os.Readlink(fmt.Sprintf("/proc/%d/root", pid))
			return strings.HasSuffix(at, "/jail")
		})
		root(b, "mounts", "add", b.ID, src, "/data")
		list(b, "mounts", "unknown")
		b.End(t, pid)
	})
}
