package harness

import (
	"fmt"
	"testing"
)

// Each case has a view, and no view has hardly any.
func TestChosen(t *testing.T) {
	views := []string{Hybrid, V1, V2}
	count := make(map[string]int)
	for i := range 300 {
		count[chosen(fmt.Sprintf("TestSome/case %d", i), views)]++
	}
	for _, v := range views {
		if count[v] < 60 {
			t.Errorf("shared out as %v", count)
		}
	}
}
