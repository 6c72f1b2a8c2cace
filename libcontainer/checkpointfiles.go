package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/internal/nap"
	"github.com/rung-oci/rung/internal/proc"
)

// An outerFile is a file that processes have open and that isn't on a mount of the container's: CRIU leaves it to us.
type outerFile struct {
	Key    string // for CRIU
	Stream int    // which of the init's standard streams it is; -1: it is /dev/null
	Path   string // for people
}

// maxFDs bounds what is read of a directory of descriptors.
const maxFDs = 1 << 20

// outerFiles finds those that a restore has something for: /dev/null, which a caller's standard streams often are, and what else the
// init's are.
func (d *dump) outerFiles() (list []outerFile, err error) {
	pids, err := d.manager.Pids(true)
	if err != nil {
		return nil, err
	}
	if len(pids) == 0 { // it has no cgroup of its own
		pids = []int{d.record.PID}
	}
	known := map[string]bool{}
	add := func(pid, fd int) {
		if o, err := openFD(d.host, pid, fd); err == nil {
			if f, ok := d.outerFile(pid, fd, o); ok && !known[f.Key] {
				known[f.Key] = true
				list = append(list, f)
			}
		}
	}
	for _, pid := range pids {
		fds, err := descriptors(d.host, pid)
		if err != nil {
			continue // it has ended
		}
		for _, fd := range fds {
			add(pid, fd)
		}
	}
	// A shell has something else there for moments.
	for range 5 {
		for fd := range 3 {
			add(d.record.PID, fd)
		}
		nap.Sleep(time.Millisecond)
	}
	return list, nil
}

// An openedFD is what a descriptor of a process leads to.
type openedFD struct {
	stat  unix.Stat_t
	mount uint64 // its id in mountinfo
	link  string
	huge  bool // it is on huge pages
}

// openFD looks at a descriptor once: a second look might find another file there.
func openFD(host proc.FS, pid, fd int) (o openedFD, err error) {
	path, err := unix.Openat(host.FD, proc.PID(pid, "fd/"+strconv.Itoa(fd)), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return o, err
	}
	defer unix.Close(path)
	var st unix.Statx_t
	if err := unix.Fstat(path, &o.stat); err != nil {
		return o, err
	}
	var fs unix.Statfs_t
	o.huge = unix.Fstatfs(path, &fs) == nil && uint32(fs.Type) == unix.HUGETLBFS_MAGIC
	if unix.Statx(path, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st) == nil && st.Mask&unix.STATX_MNT_ID != 0 {
		o.mount = st.Mnt_id
	}
	o.link, err = os.Readlink("/proc/thread-self/fd/" + strconv.Itoa(path))
	return o, err
}

// descriptors lists those of a process.
func descriptors(host proc.FS, pid int) (fds []int, err error) {
	dir, err := host.OpenFile(proc.PID(pid, "fd"), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	buf := make([]byte, 8192)
	for len(fds) < maxFDs {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil || n <= 0 {
			return fds, err
		}
		var names []string
		_, _, names = unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if fd, err := strconv.Atoi(name); err == nil {
				fds = append(fds, fd)
			}
		}
	}
	return fds, nil
}

// outerFile tells whether a descriptor is one that a restore has something for.
func (d *dump) outerFile(pid, fd int, o openedFD) (f outerFile, ok bool) {
	switch kind := o.stat.Mode & unix.S_IFMT; {
	case kind == unix.S_IFCHR && uint64(o.stat.Rdev) == unix.Mkdev(1, 3):
		f.Stream = -1
	case kind == unix.S_IFREG && pid == d.record.PID && fd < 3:
		f.Stream = fd
	default:
		return f, false
	}
	f.Path, f.Key = o.link, fmt.Sprintf("file[%x:%x]", o.mount, o.stat.Ino)
	return f, o.mount != 0 && !d.has[o.mount]
}

// outerName is the file with what of the images isn't the container's.
const outerName = "rung.json"

// An outerRecord is what that says.
type outerRecord struct {
	Files  []outerFile
	Mounts []string // what images call the mounts from outside
}

// writeOuter writes it.
func writeOuter(images int, files []outerFile, mounts []criu.Pair) error {
	w := jsontext.NewWriter(nil, "")
	w.BeginObject()
	w.Key("mounts")
	w.BeginArray()
	for _, m := range mounts {
		w.String(strings.ToValidUTF8(m.Value, "?"))
	}
	w.EndArray()
	w.Key("files")
	w.BeginArray()
	for _, f := range files {
		w.BeginObject()
		for _, kv := range [...][2]string{{"key", f.Key}, {"path", f.Path}} {
			w.Key(kv[0])
			w.String(strings.ToValidUTF8(kv[1], "?"))
		}
		w.Key("stream")
		w.Int(int64(f.Stream))
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	return writeImage(images, outerName, w.Bytes())
}

// readOuter reads it back. Images of another runtime's have none.
func readOuter(images int) (o outerRecord, err error) {
	text, err := readAt(images, outerName, maxInitText)
	if errors.Is(err, unix.ENOENT) {
		return o, nil
	}
	if err == nil {
		r := jsontext.NewReader(text)
		for r.BeginObject(); r.Next(); {
			switch r.Key() {
			case "files":
				for r.BeginArray(); r.More(); {
					o.Files = append(o.Files, readOuterFile(&r))
				}
			case "mounts":
				for r.BeginArray(); r.More(); {
					o.Mounts = append(o.Mounts, r.ReadString())
				}
			default:
				r.Skip()
			}
		}
		r.End()
		err = r.Err()
	}
	if err != nil {
		return o, fmt.Errorf("read %s: %w", outerName, err)
	}
	return o, nil
}

func readOuterFile(r *jsontext.Reader) (f outerFile) {
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "key":
			f.Key = r.ReadString()
		case "path":
			f.Path = r.ReadString()
		case "stream":
			f.Stream = int(r.ReadInt(32))
		default:
			r.Skip()
		}
	}
	if f.Stream < -1 || f.Stream > 2 || !strings.HasPrefix(f.Key, "file[") {
		r.Fail("is not a file")
	}
	return f
}

// writeImage writes a file of ours beside CRIU's.
func writeImage(images int, name string, text []byte) error {
	fd, err := unix.Openat(images, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err == nil {
		err = fdio.WriteAll(fd, text)
		unix.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
