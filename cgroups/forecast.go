package cgroups

import (
	"path"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Forecast is what Make would do, as far as it can be said before.
type Forecast struct {
	// Writes are in the order of their making. The file needn't be there yet.
	Writes []Value
	// Program is how many instructions the program has that decides about devices on cgroup v2; 0: there is none.
	Program int
	Code    []byte // that program, as the kernel takes it

	// What systemd would be asked for; "" where it isn't.
	Unit, Slice string
	Properties  []string // name=value
}

// A Value is a write of a [Forecast].
type Value struct {
	File  string // absolute
	Value string
	Field string // of the configuration; "": rung's own doing
	// Optional says that it is left out on a host without the file, or that another one is written there.
	Optional bool
}

// Foresee adds what is to be written to a cgroup. One that isn't there yet gets less, see [cgfile.Fresh].
func (f *Forecast) Foresee(dir string, writes []cgfile.Write, fresh bool) {
	if fresh {
		writes = cgfile.Fresh(writes)
	}
	for i := range writes {
		w := &writes[i]
		if w.File != "" {
			f.Writes = append(f.Writes, Value{path.Join(dir, w.File), w.Value, w.Field, w.Optional || w.Ignorable != "" || w.Or != nil})
		}
	}
}

// Exists tells whether there is a cgroup.
func Exists(dir string) bool {
	d, err := cgfile.OpenDir(dir)
	d.Close()
	return err == nil
}
