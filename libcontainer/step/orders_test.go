package step

import (
	"reflect"
	"slices"
	"testing"

	"github.com/rung-oci/rung/nsenter"
)

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
		o := &Orders{Preserve: tt.preserve, Keep: slices.Clone(tt.keep)}
		for range 2 * (len(tt.keep) + 1) {
			o.Ranges = append(o.Ranges, tape.Slot())
		}
		p, err := nsenter.NewLocal(tape.Image())
		if err != nil {
			t.Fatal(err)
		}
		o.SetRanges(p.Arena)
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
	new(Orders).SetRanges(nil) // a hook's tape may have none
}
