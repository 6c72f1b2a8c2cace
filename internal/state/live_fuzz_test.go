package state

import (
	"os"
	"reflect"
	"testing"
)

// What a container was given while it ran is read back as it was written, or refused.
func FuzzLive(f *testing.F) {
	for _, text := range []string{
		`{"mounts":[{"destination":"/a","source":"/b","options":["ro"],"id":5}],"devices":[{"path":"/dev/x","type":"c","major":1,"minor":3,"access":"r"}]}`,
		"{}", "null", "", `{"mounts":[{"id":-1}]}`, `{"mounts":[{"id":18446744073709551615}]}`,
	} {
		f.Add([]byte(text))
	}
	e := create(f, store(f), "c")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(e.Dir+"/"+liveName, text, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := e.Live()
		if err != nil {
			return
		}
		if err := e.WriteLive(l); err != nil {
			t.Fatal(err)
		}
		again, err := e.Live()
		if err != nil || len(again.Mounts) != len(l.Mounts) || len(again.Devices) != len(l.Devices) {
			t.Fatalf("read again: %+v, %v", again, err)
		}
		for i := range l.Mounts {
			if a, b := l.Mounts[i], again.Mounts[i]; a.Destination != b.Destination || a.ID != b.ID || len(a.Options) != len(b.Options) {
				t.Errorf("%+v, and again %+v", a, b)
			}
		}
		for i := range l.Devices {
			if !reflect.DeepEqual(l.Devices[i], again.Devices[i]) {
				t.Errorf("%+v, and again %+v", l.Devices[i], again.Devices[i])
			}
		}
	})
}
