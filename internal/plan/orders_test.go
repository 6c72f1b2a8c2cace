package plan

import (
	"slices"
	"testing"

	"github.com/rung-oci/rung/nsenter"
)

// What is closed: everything from the preserved descriptors on but what the tape
// still needs and has.
func TestSetRanges(t *testing.T) {
	for _, tt := range []struct {
		preserve int
		keep     []int
	}{
		{0, []int{7, 9, 12}},
		{0, []int{12, 7, 9}},
		{0, []int{3, 4, 5}},
		{2, []int{5, 6, 20}},
		{3, []int{30, 31, 8}},
		{0, []int{4}},
		{1, nil},
		{0, []int{-1, 7, -1, 5}},
		{0, []int{-1}},
		{0, []int{7, 7, 5}}, // one that isn't there, one that is there twice
	} {
		tape := nsenter.NewTape()
		var c Closing
		for range tt.keep {
			c.Keep = append(c.Keep, tape.FDSlot())
		}
		for range 2 * (len(tt.keep) + 1) {
			c.Ranges = append(c.Ranges, tape.Slot())
		}
		p, err := nsenter.NewLocal(tape.Image())
		if err != nil {
			t.Fatal(err)
		}
		for i, fd := range tt.keep {
			p.Arena.SetFD(c.Keep[i], fd)
		}
		o := &Orders{Preserve: tt.preserve, Closings: []Closing{c}}
		o.SetRanges(p.Arena)
		closed := func(fd int) bool {
			for i := 0; i < len(c.Ranges); i += 2 {
				if uint64(fd) >= uint64(p.Arena.Word(c.Ranges[i])) && uint64(fd) <= uint64(p.Arena.Word(c.Ranges[i+1])) {
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
		p.Free()
	}
	new(Orders).SetRanges(nil) // a hook's tape may have none
}
