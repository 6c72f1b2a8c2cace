package libcontainer

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/mount/option"
)

// masters are the host's mounts that mounts of the container's are to be slaves of again. CRIU takes them from where it has what is mounted
// there, of all that are slaves of one group from one place. The kernel wants that to be a mount with at least as much of the file system,
// so what comes from outside is found below a clone of the host's mount that has most.
type masters struct {
	root  bool                    // the root filesystem may be a slave
	binds []string                // destinations of binds that may be
	host  map[string]inspect.Peer // the host's mounts
	under fdio.Own                // what is below the yard
	dir   string                  // of the yard
}

// mastersOf tells which mounts of a configuration may be slaves.
func mastersOf(s *specs.Spec) (m masters) {
	if s.Linux != nil {
		m.root = s.Linux.RootfsPropagation == "slave" || s.Linux.RootfsPropagation == "rslave"
	}
	for i := range s.Mounts {
		if o, err := option.Parse(s.Mounts[i].Options); err == nil && len(o.Propagation) > 0 && isBind(&s.Mounts[i]) {
			m.binds = append(m.binds, path.Clean("/"+s.Mounts[i].Destination))
		}
	}
	return m
}

func (m *masters) none() bool { return !m.root && len(m.binds) == 0 }

func (m *masters) close() { m.under.Close() }

// look looks at the host's mounts before the yard covers some of them.
func (m *masters) look(dir string) (err error) {
	if m.none() {
		return nil
	}
	m.dir = dir
	if m.under, err = fdio.Of(unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)); err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	m.host, err = peers()
	return err
}

// peers are the mounts of the calling thread's namespace.
func peers() (map[string]inspect.Peer, error) {
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, err
	}
	return inspect.Peers(string(text)), nil
}

// asks tells whether what images call by a name may be a slave.
func (m *masters) asks(key string) bool {
	return slices.ContainsFunc(m.binds, func(b string) bool { return strings.HasPrefix(key+"/", b+"/") })
}

// widest is the host's mount that has most of the file system of one in the yard; that itself, if none has more.
func (m *masters) widest(own inspect.Peer) inspect.Peer {
	if own.Mapped {
		return own
	}
	best := own
	for _, p := range m.host {
		if p.Wider(&best) {
			best = p
		}
	}
	return best
}

// clone clones a mount of the host's, without those below.
func (m *masters) clone(point string) (int, error) {
	const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_EMPTY_PATH
	if below, ok := strings.CutPrefix(point+"/", m.dir+"/"); ok {
		return unix.OpenTree(m.under.FD(), strings.Trim(below, "/"), flags)
	}
	return unix.OpenTree(unix.AT_FDCWD, point, flags)
}

// widen has CRIU find what may be a slave below mounts that it can have its master from.
func (y *yard) widen() error {
	m := &y.masters
	if m.none() {
		return nil
	}
	all, err := peers()
	if err != nil {
		return err
	}
	wide := map[string]string{} // where the host's mounts are in the yard
	if m.root {
		if y.root, err = y.wider(all[y.root], wide); err != nil {
			return err
		}
	}
	for i := range y.pairs {
		p := &y.pairs[i]
		own, mounted := all[p.Value]
		if !mounted || !m.asks(p.Key) {
			continue
		}
		if p.Value, err = y.wider(own, wide); err != nil {
			return err
		}
	}
	return nil
}

// wider is where a mount of the yard's is found below a clone of the host's that has most of it.
func (y *yard) wider(own inspect.Peer, wide map[string]string) (string, error) {
	from := y.masters.widest(own)
	at, there := wide[from.Point]
	switch {
	case from.Point == own.Point:
		at = own.Point
	case !there:
		tree, err := y.masters.clone(from.Point)
		if err != nil { // it is unbindable, or gone
			at, from = own.Point, own
			break
		}
		at, err = y.numbered(tree)
		unix.Close(tree)
		if err != nil {
			return "", err
		}
		wide[from.Point] = at
	}
	if own.Master == "" { // it was one of another host's: it gets a master that goes with the yard
		if err := unix.Mount("", at, "", unix.MS_SHARED, ""); err != nil {
			return "", fmt.Errorf("share %s: %w", at, err)
		}
	}
	found := path.Join(at, strings.TrimPrefix(own.Root, from.Root))
	if !sameFile(found, own.Point) { // it has been moved meanwhile
		return own.Point, nil
	}
	return found, nil
}

// sameFile tells whether two paths lead to one file.
func sameFile(a, b string) bool {
	x, err := os.Lstat(a)
	if err != nil {
		return false
	}
	y, err := os.Lstat(b)
	return err == nil && os.SameFile(x, y)
}
