package stage

import (
	"errors"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// Orders come to a stage over its socket, with descriptors, and to a builder in
// its memfd.
func TestOrders(t *testing.T) {
	want := &step.Orders{Builder: true, Wire: 77, Progress: 0, Arena: 0, Cgroup: -1, Exe: -1, Steps: []step.Step{&step.Pivot{}, &step.Cwd{Path: "/x"}}}
	fd, err := WriteOrders(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := orders(fd); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("orders of a memfd = %+v, %v, want %+v", got, err, want)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("the memfd stays open: %v", err)
	}

	ours, theirs, err := wire.Pair()
	if err != nil {
		t.Fatal(err)
	}
	if fd, err = WriteOrders(want); err != nil {
		t.Fatal(err)
	}
	// No copy of our end may stay open: its close is the parent's death.
	other, err := unix.MemfdCreate("other", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	if err := ours.Send(wire.Orders, other, fd); err != nil {
		t.Fatal(err)
	}
	got, err := orders(theirs.FD)
	if err != nil || got.Wire != theirs.FD || got.Progress < 3 || got.Progress != got.Arena || len(got.Steps) != 2 {
		t.Errorf("orders of a socket = %+v, %v", got, err)
	}
	for name, send := range map[string]func(){
		"another message": func() { _ = ours.Send(wire.Go) },
		"no descriptor":   func() { _ = ours.Send(wire.Orders) },
		"too few":         func() { _ = ours.Send(wire.Orders, fd) }, // Progress is the first of none
		"not a block":     func() { _ = ours.Send(wire.Orders, other) },
	} {
		send()
		if o, err := orders(theirs.FD); err == nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
	ours.Close()
	if _, err := orders(theirs.FD); err == nil {
		t.Error("orders of a dead parent: no error")
	}
	theirs.Close()
	if _, err := orders(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("orders(-1) = %v", err)
	}
}
