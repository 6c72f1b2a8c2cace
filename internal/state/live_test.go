package state

import (
	"os"
	"reflect"
	"testing"
	"time"
)

// TestLive writes what a container was given, and how it has ended, and reads it back.
func TestLive(t *testing.T) {
	s := Store{Root: t.TempDir()}
	e, err := s.Create("box")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if l, err := e.Live(); err != nil || !reflect.DeepEqual(l, &Live{}) {
		t.Errorf("of nothing: %+v, %v", l, err)
	}
	want := &Live{
		Mounts:  []LiveMount{{Destination: "/a \n\u2028", Source: "/b", Options: []string{"ro", "x=\"y\""}, ID: 1<<63 + 1}, {Destination: "/t", Type: "tmpfs"}},
		Devices: []LiveDevice{{Path: "/dev/x", Type: "c", Major: 1, Minor: 1 << 19, Access: "rwm", ID: 7, Rule: true}, {Path: "/dev/y", Type: "b", Made: true}},
	}
	if err := e.WriteLive(want); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Live(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v", got, err)
	}
	if e.Exit() != nil {
		t.Error("it has ended before anybody has seen that")
	}
	x := &Exit{Status: 137, At: time.Now().UTC(), OOMKilled: true}
	if err := e.WriteExit(x); err != nil {
		t.Fatal(err)
	}
	if got := e.Exit(); got == nil || *got != *x {
		t.Errorf("read %+v, want %+v", got, x)
	}
	for name, damage := range map[string]string{liveName: `{"mounts": [{"id": 5}]}`, exitName: `{"status": 1, "at": "yesterday"}`} {
		if err := os.WriteFile(e.Dir+"/"+name, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Live(); err == nil {
		t.Error("a damaged live.json was read")
	}
	if e.Exit() != nil {
		t.Error("a damaged exit.json was read")
	}
}
