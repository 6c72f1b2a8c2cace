// Package gauge reads what a container uses, for who looks at many containers every second: only the files that are shown, each by one open,
// read and close below the directory of its cgroup, into one buffer. [cgroups.Meter] reads all that there is.
package gauge

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

// A Number is one of the kernel's, unless the kernel has none: there is no such file, or no limit.
type Number struct {
	Value uint64
	Known bool
}

// Usage is what a container uses and has used.
type Usage struct {
	CPU           Number // nanoseconds
	Periods       Number // of the quota, in all
	Throttled     Number // of them, those in which it was used up
	ThrottledTime Number // nanoseconds that threads waited for the next one

	Memory, High, Max, Swap Number // bytes; High and Max are limits
	Pids, PidsMax           Number
	Read, Written           Number // bytes, of all block devices
	OOMKills                Number

	Pressure [3]Pressure // by [CPU], [Memory], [IO]
	Frozen   bool
}

// The resources that tasks wait for, as indices.
const (
	CPU = iota
	Memory
	IO
)

// Pressure is the share of the last ten seconds, in percent, in which some or all tasks waited for a resource.
type Pressure struct {
	Some, Full float64
	Known      bool
}

// A Place is where a container's cgroups are. It is made once and read often.
type Place []directory

type directory struct {
	path  string
	files []file
}

// file is a file, and what is done with its text.
type file struct {
	name       string
	controller string // "": of every cgroup
	parse      func(u *Usage, text []byte)
}

// At makes the place of a location. Of the v2 tree of a hybrid host that is read which no v1 hierarchy has.
func At(l cgroups.Location) Place {
	var p Place
	for _, key := range slices.Sorted(maps.Keys(l)) {
		files := legacy(key)
		if key == "" {
			files = slices.DeleteFunc(slices.Clone(unified), func(f file) bool { _, ok := l[cgroups.V1Name(f.controller)]; return ok && f.controller != "" })
		}
		if len(files) > 0 {
			p = append(p, directory{l[key], files})
		}
	}
	return p
}

// A Reader has the buffer. Its zero value reads.
type Reader struct{ buf []byte }

// most is as much as is read of a file: io.stat has a line of some 100 bytes for each device.
const most = 64 << 10

// Read reads what there is. It is false if none of the cgroups is there.
func (r *Reader) Read(p Place) (u Usage, ok bool) {
	if r.buf == nil {
		r.buf = make([]byte, most)
	}
	for i := range p {
		if len(p[i].files) == 1 {
			ok = r.single(&u, &p[i]) || ok
			continue
		}
		d, err := cgfile.OpenDir(p[i].path)
		if err != nil {
			continue
		}
		ok = true
		for _, f := range p[i].files {
			if fd, err := unix.Openat(d.FD(), f.name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0); err == nil { // the kernel has no links there
				r.file(&u, fd, f.parse)
			}
		}
		if !u.Pids.Known && i == len(p)-1 {
			u.Pids = count(d)
		}
		d.Close()
	}
	return u, ok
}

// single reads the only file of a directory, which it needn't open.
func (r *Reader) single(u *Usage, d *directory) bool {
	fd, err := cgfile.OpenFile(d.path+"/"+d.files[0].name, unix.O_RDONLY)
	if err == nil {
		r.file(u, fd, d.files[0].parse)
	}
	return err == nil
}

// file reads a file and closes it.
func (r *Reader) file(u *Usage, fd int, parse func(*Usage, []byte)) {
	defer unix.Close(fd)
	if n, err := unix.Read(fd, r.buf); err == nil {
		parse(u, r.buf[:n])
	}
}

// count counts processes where no controller counts tasks.
func count(d cgfile.Dir) Number {
	pids, err := cgfile.Pids(d, true)
	return Number{uint64(len(pids)), err == nil}
}
