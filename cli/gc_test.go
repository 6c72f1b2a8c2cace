package cli

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/rung-oci/rung/internal/leftover"
	"github.com/rung-oci/rung/libcontainer"
)

var leftoverSamples = []libcontainer.Leftover{
	{
		ID: "a", Reason: leftover.CreateDied,
		Things: []libcontainer.Thing{{Kind: libcontainer.ThingCgroup, Name: "/sys/fs/cgroup/a"}, {Kind: libcontainer.ThingState, Name: "/run/rung/a"}},
	},
	{
		ID: "b", Reason: leftover.OtherBoot,
		Things: []libcontainer.Thing{{Kind: libcontainer.ThingHooks, Name: "2"}, {Kind: libcontainer.ThingState, Name: "/run/rung/b"}},
	},
	{ID: "c", Reason: leftover.Ended, Keep: "its engine may be about to delete it", Things: []libcontainer.Thing{{Kind: libcontainer.ThingState, Name: "/run/rung/c"}}},
	{ID: "d", Err: errors.New("open /run/rung/d: permission denied")},
}

func TestGCText(t *testing.T) {
	for applied, want := range map[bool]string{
		false: `would remove cgroup /sys/fs/cgroup/a of container a: its create died
would remove state directory /run/rung/a of container a: its create died
would run 2 poststop hook(s) of container b: it was made before the last boot
would remove state directory /run/rung/b of container b: it was made before the last boot
kept container c: it has ended, but its engine may be about to delete it
`,
		true: `removed cgroup /sys/fs/cgroup/a of container a: its create died
removed state directory /run/rung/a of container a: its create died
ran 2 poststop hook(s) of container b: it was made before the last boot
removed state directory /run/rung/b of container b: it was made before the last boot
kept container c: it has ended, but its engine may be about to delete it
`,
	} {
		if got := string(leftoversText(leftoverSamples, applied)); got != want {
			t.Errorf("applied %v: got\n%swant\n%s", applied, got, want)
		}
	}
}

// TestGCSchema holds the output against docs/schema/gc.json.
func TestGCSchema(t *testing.T) {
	schema := readSchema(t, "gc.json")
	for _, list := range [][]libcontainer.Leftover{nil, leftoverSamples} {
		text, err := indented(leftoversDocument(list, true))
		if err != nil {
			t.Fatal(err)
		}
		var out any
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		schema.fits(t, "$", out)
	}
}
