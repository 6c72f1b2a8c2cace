package main

import (
	"reflect"
	"testing"
)

func TestPoints(t *testing.T) {
	got := points("TAP version 13\nok 1 - one\n  ---\n  not ok 7 - inside\nnot ok 2 - two\nok 3 # SKIP no\nokay\n1..3\nok - four\n")
	want := []point{{true, false, "one"}, {false, false, "two"}, {true, true, ""}, {true, false, "four"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
