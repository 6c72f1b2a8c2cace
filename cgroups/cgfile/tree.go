package cgfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Make opens the directory rel below base and makes what is missing of it.
// made lists what it made, outermost first, also next to an error.
func Make(base Dir, rel string) (leaf Dir, made []string, err error) {
	// A parent that another runtime just removed is made again.
	for range 3 {
		var more []string
		leaf, more, err = makeOnce(base, rel)
		made = append(made, more...)
		if !errors.Is(err, unix.ENOENT) {
			break
		}
	}
	return leaf, made, err
}

func makeOnce(base Dir, rel string) (leaf Dir, made []string, err error) {
	parent, name := base, rel
	if dir := path.Dir(rel); dir != "." {
		name = path.Base(rel)
		parent, err = base.Open(dir)
		if errors.Is(err, unix.ENOENT) {
			parent, made, err = makeOnce(base, dir)
		}
		if err != nil {
			return Dir{fd: -1}, made, err
		}
		defer parent.Close()
	}
	const mode = 0o755
	err = unix.Mkdirat(parent.fd, name, mode)
	if err == nil {
		made = append(made, parent.join(name))
		if unix.Geteuid() != 0 { // to whom modes matter, whatever umask he has given us
			err = unix.Fchmodat(parent.fd, name, mode, 0)
		}
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return Dir{fd: -1}, made, fmt.Errorf("create cgroup %s: %w", parent.join(name), err)
	}
	leaf, err = parent.Open(name)
	return leaf, made, err
}

// Undo removes what Make made. A directory that somebody else uses by now stays.
func Undo(made []string) {
	for _, dir := range slices.Backward(made) {
		unix.Rmdir(dir)
	}
}

// WriteBelow writes value to a file of every cgroup below, from the top down.
func (d Dir) WriteBelow(file, value string) error {
	return d.walk(func(sub Dir) error { return UnlessGone(sub.Write(file, value)) }, nil)
}

// Pids lists the processes of the cgroup, and with recursive of those below it,
// sorted and each once. Processes of other pid namespaces, which read as 0, are left out.
func Pids(d Dir, recursive bool) ([]int, error) {
	pids, err := d.procs()
	if err != nil {
		return nil, err
	}
	if recursive {
		err = d.walk(func(sub Dir) error {
			more, err := sub.procs()
			pids = append(pids, more...)
			return err
		}, nil)
	}
	slices.Sort(pids)
	return slices.Compact(pids), err
}

// Populated tells whether the kernel counts processes in the cgroup or below it, whoever sees
// them: version 2 says so in cgroup.events, version 1 in pids.current alone, if that
// controller is here.
func Populated(d Dir) bool {
	if text, err := d.Read("cgroup.events"); err == nil {
		return strings.Contains(text, "populated 1\n")
	}
	text, err := d.Read("pids.current")
	return err == nil && text != "0\n"
}

// PidsOf is Pids of a directory by its path; none if it is gone.
func PidsOf(path string, recursive bool) (pids []int, err error) {
	err = In(path, func(d Dir) (err error) {
		pids, err = Pids(d, recursive)
		return err
	})
	return pids, err
}

// procs reads cgroup.procs. A threaded v2 cgroup has none of its own: its
// processes are listed by the domain above it.
func (d Dir) procs() ([]int, error) {
	text, err := d.Read("cgroup.procs")
	if errors.Is(err, unix.EOPNOTSUPP) || Gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for field := range strings.FieldsSeq(text) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// walk visits every directory below d, parents first, and calls leave for each
// after all below it were left. It keeps two descriptors open however deep the
// tree is: a container may have made it. Directories that go away meanwhile are
// skipped.
func (d Dir) walk(visit func(Dir) error, leave func(parent Dir, name string) error) error {
	todo, err := d.children()
	if err != nil {
		return err
	}
	w := walker{root: d, cur: d, visit: visit, leave: leave, levels: []level{{todo: todo}}}
	defer func() { w.move(d) }()
	for {
		top := &w.levels[len(w.levels)-1]
		switch n := len(top.todo); {
		case n > 0:
			name := top.todo[n-1]
			top.todo = top.todo[:n-1]
			err = w.down(name)
		case len(w.levels) > 1:
			err = w.up()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// level is a directory on the way down, and what of it is still to be visited.
type level struct {
	name string
	todo []string
}

type walker struct {
	root, cur Dir
	visit     func(Dir) error
	leave     func(Dir, string) error
	levels    []level
}

// move makes d the current directory.
func (w *walker) move(d Dir) {
	if w.cur.fd != w.root.fd {
		w.cur.Close()
	}
	w.cur = d
}

func (w *walker) down(name string) error {
	next, err := w.cur.Open(name)
	if err != nil {
		return UnlessGone(err)
	}
	if w.visit != nil {
		err = w.visit(next)
	}
	var todo []string
	if err == nil {
		todo, err = next.children()
	}
	if err != nil {
		next.Close()
		return UnlessGone(err)
	}
	w.move(next)
	w.levels = append(w.levels, level{name, todo})
	return nil
}

func (w *walker) up() error {
	name := w.levels[len(w.levels)-1].name
	w.levels = w.levels[:len(w.levels)-1]
	parent := w.root
	if len(w.levels) > 1 {
		var err error
		if parent, err = w.cur.up(); err != nil {
			return err
		}
	}
	w.move(parent)
	if w.leave == nil {
		return nil
	}
	return w.leave(parent, name)
}

// up opens the parent directory; walk only climbs back where it came from.
func (d Dir) up() (Dir, error) {
	fd, err := openat2(d.fd, "..", unix.O_RDONLY|unix.O_DIRECTORY, unix.RESOLVE_NO_XDEV)
	if err != nil {
		return Dir{fd: -1}, fmt.Errorf("open the parent of cgroup %s: %w", d.path, err)
	}
	return Dir{fd, path.Dir(d.path)}, nil
}

// children lists the directories in d. The link count tells without a listing
// that there are none, which is the usual case.
func (d Dir) children() ([]string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return nil, fmt.Errorf("stat cgroup %s: %w", d.path, err)
	}
	if st.Nlink == 2 {
		return nil, nil
	}
	return d.names(unix.DT_DIR)
}

// Files lists the names of the files in d.
func (d Dir) Files() ([]string, error) { return d.names(unix.DT_REG) }

// names lists what is in d of one type, a DT_ constant.
func (d Dir) names(kind byte) ([]string, error) {
	if _, err := unix.Seek(d.fd, 0, 0); err != nil {
		return nil, fmt.Errorf("list cgroup %s: %w", d.path, err)
	}
	var names []string
	buf := make([]byte, 8192)
	for {
		n, err := unix.Getdents(d.fd, buf)
		if err == unix.ENOENT || n == 0 && err == nil {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list cgroup %s: %w", d.path, err)
		}
		names = appendNames(names, buf[:n], kind)
	}
}

// appendNames takes the names of one type out of linux_dirent64 records: inode and
// offset (8 bytes each), record length (2), type (1), name up to a NUL.
func appendNames(names []string, buf []byte, kind byte) []string {
	for len(buf) > 19 {
		size := int(binary.NativeEndian.Uint16(buf[16:]))
		if size < 20 || size > len(buf) {
			break
		}
		name, _, _ := strings.Cut(string(buf[19:size]), "\x00")
		if buf[18] == kind && name != "." && name != ".." {
			names = append(names, name)
		}
		buf = buf[size:]
	}
	return names
}
