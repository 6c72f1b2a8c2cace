package stage

import (
	"reflect"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

func init() { runtime.LockOSThread() }

// What is closed before the user's program: everything from the preserved
// descriptors on but what the tape still needs.
func TestSetRanges(t *testing.T) {
	for _, tt := range []struct {
		preserve int
		keep     []int
	}{
		{0, []int{7, 9, 12}}, {0, []int{12, 7, 9}}, {0, []int{3, 4, 5}}, {2, []int{5, 6, 20}}, {3, []int{30, 31, 8}}, {0, []int{4}}, {1, nil},
	} {
		tape := nsenter.NewTape()
		o := &step.Orders{Preserve: tt.preserve, Keep: slices.Clone(tt.keep)}
		for range 2 * (len(tt.keep) + 1) {
			o.Ranges = append(o.Ranges, tape.Slot())
		}
		p, err := nsenter.NewLocal(tape.Image())
		if err != nil {
			t.Fatal(err)
		}
		setRanges(o, p.Arena)
		closed := func(fd int) bool {
			for i := 0; i < len(o.Ranges); i += 2 {
				if uint64(fd) >= uint64(p.Arena.Word(o.Ranges[i])) && uint64(fd) <= uint64(p.Arena.Word(o.Ranges[i+1])) {
					return true
				}
			}
			return false
		}
		for fd := range 100 {
			want := fd >= 3+tt.preserve && !slices.Contains(tt.keep, fd)
			if closed(fd) != want {
				t.Errorf("preserve %d, keep %v: descriptor %d closed %v, want %v", tt.preserve, tt.keep, fd, closed(fd), want)
			}
		}
		if !closed(1<<31 - 1) {
			t.Errorf("preserve %d, keep %v: the highest descriptor stays open", tt.preserve, tt.keep)
		}
		if !reflect.DeepEqual(o.Keep, tt.keep) {
			t.Errorf("keep was changed: %v", o.Keep)
		}
		p.Free()
	}
	setRanges(&step.Orders{}, nil) // a hook's tape may have none
}

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
		"wrong flags":     func() { _ = ours.SendNumber(wire.Unshare, 1) },
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
	if _, err := orders(-1); err != unix.EBADF {
		t.Errorf("orders(-1) = %v", err)
	}
}
