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
	name  string
	parse func(u *Usage, text []byte)
}

// At makes the place of a location. What a v1 hierarchy has counts, and what none has the v2 tree may have.
func At(l cgroups.Location) Place {
	var p Place
	if dir, ok := l[""]; ok {
		p = append(p, directory{dir, unified})
	}
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if files := legacy(key); files != nil {
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
		d, err := cgfile.OpenDir(p[i].path)
		if err != nil {
			continue
		}
		ok = true
		for _, f := range p[i].files {
			if text := r.text(d.FD(), f.name); text != nil {
				f.parse(&u, text)
			}
		}
		if !u.Pids.Known && i == len(p)-1 {
			u.Pids = count(d)
		}
		d.Close()
	}
	return u, ok
}

// text is the text of a file, nil if it can't be read. No file of a cgroup is a link.
func (r *Reader) text(dir int, name string) []byte {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, r.buf)
	if err != nil {
		return nil
	}
	return r.buf[:n]
}

// count counts processes where no controller counts tasks.
func count(d cgfile.Dir) Number {
	pids, err := cgfile.Pids(d, true)
	return Number{uint64(len(pids)), err == nil}
}
