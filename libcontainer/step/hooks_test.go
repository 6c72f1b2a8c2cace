package step

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/hook"
	"github.com/rung-oci/rung/libcontainer/wire"
)

func TestHostHooks(t *testing.T) {
	inBox(t, func(b *box) {
		asked(b, func(c wire.Conn) { _ = c.Send(wire.Go) })
		b.must(&HostHooks{})
		asked(b, func(c wire.Conn) { _ = c.SendFailure(&wire.Failure{Text: "hook said no"}) })
		b.fails(&HostHooks{}, "hook said no")
	})
}

func TestContainerHooks(t *testing.T) {
	inBox(t, func(b *box) {
		b.nearOnly("programs of the host's are run by a process of the runtime, inside the namespaces")
		out := b.root + "/out"
		h := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "cat > " + out + "; readlink /proc/self/ns/mnt >> " + out}}
		b.must(&ContainerHooks{Hooks: []specs.Hook{h}, State: hook.State{Before: `{"pid":`, After: "}"}, PID: 42})
		ns, err := os.Readlink("/proc/thread-self/ns/mnt")
		if err != nil {
			b.Fatal(err)
		}
		if got, want := b.read("/out"), `{"pid":42}`+ns+"\n"; got != want { // in this thread's namespaces
			b.Errorf("hook wrote %q, want %q", got, want)
		}
		h.Args[2] = "exit 3"
		b.fails(&ContainerHooks{Hooks: []specs.Hook{h}}, "error running createContainer hook #0: exit status 3")
		b.fails(&ContainerHooks{NS: []int{-1}}, "setns: bad file descriptor")
		in := &ContainerHooks{Hooks: []specs.Hook{h}, Join: unix.CLONE_NEWPID | unix.CLONE_NEWCGROUP}
		h.Args[2] = "exit 0"
		if err := in.Open(os.Getpid()); err != nil || len(in.NS) != 2 || in.PID != os.Getpid() {
			b.Fatalf("Open = %v, %+v", err, in)
		}
		b.must(in)
		b.fails(in, "setns: bad file descriptor") // it has closed them
		if err := in.Open(1<<30 - 1); err == nil || !strings.HasPrefix(err.Error(), "open /proc/1073741823/ns/pid: ") {
			b.Errorf("Open of nobody = %v", err)
		}
	})
}
