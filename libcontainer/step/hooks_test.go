package step

import (
	"errors"
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/hook"
)

func TestHostHooks(t *testing.T) {
	inBox(t, func(b *box) {
		asked(b, nil)
		b.must(&HostHooks{})
		asked(b, errors.New("hook said no"))
		b.fails(&HostHooks{}, "hook said no")
	})
}

func TestNetDevices(t *testing.T) {
	inBox(t, func(b *box) {
		asked(b, nil)
		b.must(&NetDevices{})
		asked(b, errors.New("no such device"))
		b.fails(&NetDevices{}, "no such device")
	})
}

func TestContainerHooks(t *testing.T) {
	inBox(t, func(b *box) {
		out := b.root + "/out"
		h := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "cat > " + out + "; readlink /proc/self/ns/mnt >> " + out}}
		pidfd, err := unix.PidfdOpen(b.pid, 0)
		if err != nil {
			b.Fatal(err)
		}
		defer unix.Close(pidfd)
		b.PID, b.Pidfd = 42, pidfd
		step := &ContainerHooks{Hooks: []specs.Hook{h}, State: hook.State{Before: `{"pid":`, After: "}"}, Join: unix.CLONE_NEWNS, Dir: "/"}
		if b.K.Remote() {
			b.must(step)
			ns, err := os.Readlink("/proc/thread-self/ns/mnt")
			if err != nil {
				b.Fatal(err)
			}
			if got, want := b.read("/out"), `{"pid":42}`+ns+"\n"; got != want { // in this thread's namespaces
				b.Errorf("hook wrote %q, want %q", got, want)
			}
		}
		h.Args[2] = "exit 3"
		step.Join = unix.CLONE_NEWUTS
		b.fails(step, "error running createContainer hook #0: exit status 3")
	})
}
