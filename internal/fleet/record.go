package fleet

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/gauge"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/nsenter"
)

// The files of runtimes. That of crun has in rung's directories the name of a FIFO.
const (
	stateFile = "state.json" // rung, runc, youki
	crunFile  = "status"
	gateFile  = "exec.fifo" // runc, crun: there until start
)

// mostBytes is as much as is read of a file. runc's has the whole configuration, with its labels.
const mostBytes = 16 << 20

// record is what a file says of a container.
type record struct {
	pid     int
	start   uint64            // clock ticks since boot; 0: not told
	created time.Time         // youki's, who tells no start
	boot    string            // "": not told
	cgroups map[string]string // controller → directory; rung, runc
	cgroup  string            // below each mount; crun
}

// load reads the file of a directory.
func load(dir int, name string) (record, error) {
	fd, err := open(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW)
	if err != nil {
		return record{}, fmt.Errorf("open %s: %w", name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return record{}, fmt.Errorf("stat %s: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > mostBytes {
		return record{}, fmt.Errorf("read %s: it is no regular file of at most %d MiB", name, mostBytes>>20)
	}
	text, err := fdio.ReadAll(fd, int(st.Size), mostBytes)
	if err != nil {
		return record{}, fmt.Errorf("read %s: %w", name, err)
	}
	r, err := decode(text)
	if err != nil {
		return r, fmt.Errorf("read %s: %w", name, err)
	}
	return r, nil
}

// decode reads the text of whichever runtime's file that is: their keys differ.
func decode(text []byte) (rec record, err error) {
	r := jsontext.NewReader(text)
	created := ""
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "init_process_pid", "pid":
			rec.pid = pid(&r)
		case "init_process_start", "process-start-time":
			rec.start = r.ReadUint(64)
		case "boot_id":
			rec.boot = r.ReadString()
		case "cgroup_paths":
			rec.cgroups = directories(&r)
		case "cgroup-path":
			rec.cgroup = r.ReadString()
		case "created":
			created = r.ReadString()
		default:
			r.Skip()
		}
	}
	r.End()
	if err := r.Err(); err != nil {
		return record{}, err
	}
	if rec.pid != 0 && rec.start == 0 {
		if rec.created, err = time.Parse(time.RFC3339Nano, created); err != nil {
			return record{}, errors.New("it doesn't say when the process began")
		}
	}
	return rec, nil
}

// pid is null in youki's file of a container that is being made.
func pid(r *jsontext.Reader) int {
	if r.ReadNull() {
		return 0
	}
	return int(r.ReadInt(32))
}

func directories(r *jsontext.Reader) map[string]string {
	if r.ReadNull() {
		return nil
	}
	m := make(map[string]string)
	for r.BeginObject(); r.Next(); {
		m[r.Key()] = r.ReadString()
	}
	return m
}

// tick is the unit of the times in /proc: USER_HZ is 100 on every architecture that Go knows.
const tick = time.Second / 100

// begun tells whether a process that began at a time, in clock ticks since boot, can be the one of the record.
func (r *record) begun(start uint64) bool {
	if r.start != 0 {
		return r.start == start
	}
	var up unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return false
	}
	age := time.Duration(up.Nano()) - time.Duration(start)*tick
	return !time.Now().Add(-age).After(r.created.Add(time.Second)) // youki notes the time when the process is there
}

// place is where the container's cgroups are. A container without any has none.
func (f *Fleet) place(r *record) (gauge.Place, error) {
	l := cgroups.Location{}
	switch {
	case r.cgroups != nil:
		for key, dir := range r.cgroups {
			if h := f.layout.Hierarchy(key); h != nil && below(h.Mountpoint, dir) {
				l[key] = dir
			}
		}
		if len(l) == 0 && len(r.cgroups) > 0 {
			return nil, errors.New("its cgroups aren't where cgroups are mounted here")
		}
	case r.cgroup != "":
		for i := range f.layout.Hierarchies {
			h := &f.layout.Hierarchies[i]
			dir := h.Mountpoint + "/" + strings.Trim(r.cgroup, "/")
			if !below(h.Mountpoint, dir) {
				return nil, fmt.Errorf("its cgroup %.100q is no path below a mount", r.cgroup)
			}
			for _, key := range h.Keys() {
				l[key] = dir
			}
		}
	case r.start == 0:
		if dir, ok := f.unified(r.pid); ok {
			l[""] = dir
		}
	}
	return gauge.At(l), nil
}

// unified is the v2 cgroup that a process is in, of which its runtime doesn't tell.
func (f *Fleet) unified(pid int) (dir string, ok bool) {
	text, err := f.host.ReadFile(proc.PID(pid, "cgroup"), 64<<10)
	if err != nil {
		return "", false
	}
	dir, ok = f.layout.Of(text)[""]
	h := f.layout.Hierarchy("")
	return dir, ok && below(h.Mountpoint, dir)
}

// below tells whether a path is one below a directory, and nothing but names.
func below(mountpoint, dir string) bool {
	return strings.HasPrefix(dir, mountpoint+"/") && path.Clean(dir) == dir
}

// waits tells whether a container waits for start.
func waits(root int, id string) bool {
	if fd, err := open(root, id+"/"+gateFile, unix.O_PATH); err == nil {
		unix.Close(fd)
		return true
	}
	fd, err := open(root, id+"/"+state.ProgressName, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	p, err := nsenter.ReadProgress(fd)
	return err == nil && p.Phase <= nsenter.PhaseWaiting
}

// ignoreEnd is the error of reading a directory, of which the end is none.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
