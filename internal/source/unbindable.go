package source

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/thread"
)

// An unbindable is a mount that the kernel clones for nobody: neither by itself (EINVAL) nor, without a word, together with what
// it is mounted on. That is meant for binds within a namespace: what lies there is as good a source as any other. A copy of the
// whole mount namespace has it too, and there it can be made a private one, which changes nothing else: it has no peers.
type unbindable struct {
	point   string
	covered bool // something is mounted over it, so that no path leads to it
}

// cloned is open, for sources that may be unbindable, or be above what is.
func (m *Maker) cloned(k *calls.Kernel, s *step.Source) (fd calls.FD) {
	if s.Recursive && mayHaveMounts(s.Path) {
		list, err := m.unbindable()
		if err == nil && len(list) > 0 {
			list, err = below(s.Path, list)
		}
		if err != nil {
			k.Keep(err)
			return calls.None
		}
		if len(list) > 0 {
			return m.apart(k, s)
		}
	}
	err := k.Try(func() { fd = open(k, s) })
	if errors.Is(err, unix.EINVAL) {
		if list, e := m.unbindable(); e == nil && len(list) > 0 {
			return m.apart(k, s)
		}
	}
	if err != nil {
		k.Keep(err)
		return calls.None
	}
	return fd
}

// apart is open where nothing is unbindable any more.
func (m *Maker) apart(k *calls.Kernel, s *step.Source) (fd calls.FD) {
	if m.Copy {
		return bindable(k, s)
	}
	err := thread.Do(func() error {
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("copy mount namespace, for an unbindable mount: %w", err)
		}
		k := new(calls.Kernel)
		fd = bindable(k, s)
		return k.Flush()
	})
	if err != nil {
		k.Keep(err)
		return calls.None
	}
	return fd
}

// bindable is open, in a copy of the mount namespace. Of the copies that Linux 6.18 makes nothing is unbindable.
func bindable(k *calls.Kernel, s *step.Source) calls.FD {
	list, err := readUnbindable()
	makeBindable(k, list)
	if err == nil && s.Recursive {
		list, err = below(s.Path, list)
		for _, u := range list {
			if u.covered {
				err = fmt.Errorf("%s is an unbindable mount, and another one is mounted over it: %w", u.point, unix.EINVAL)
			}
		}
	}
	if err != nil {
		k.Keep(err)
		return calls.None
	}
	return open(k, s)
}

// makeBindable makes unbindable mounts private. Those that no path leads to are in nobody's way.
func makeBindable(k *calls.Kernel, list []unbindable) {
	for _, u := range list {
		_ = k.Try(func() {
			at := k.Openat("open mount", calls.At, u.point, unix.O_PATH, 0).FD()
			mount.SetPropagation(k, "make mount bindable", at, unix.MS_PRIVATE, false)
			k.Close(at)
		})
	}
}

// MakeBindable has k make the mounts bindable that are unbindable here, in a copy of this mount namespace that nobody else is in,
// if one of the sources may be one or be above one.
func (m *Maker) MakeBindable(k *calls.Kernel, sources []step.Source) {
	for i := range sources {
		s := &sources[i]
		if s.Kind != "" || !mayHaveMounts(s.Path) {
			continue
		}
		list, err := m.unbindable()
		k.Keep(err)
		makeBindable(k, list)
		return
	}
}

// below are those of the mounts that are below a directory.
func below(path string, list []unbindable) (some []unbindable, err error) {
	name, err := nameOf(path)
	if err != nil {
		return nil, err
	}
	dir := strings.TrimSuffix(name, "/") + "/"
	for _, u := range list {
		if strings.HasPrefix(u.point, dir) {
			some = append(some, u)
		}
	}
	return some, nil
}

// nameOf is the path without links: that of a mount point below begins with it.
func nameOf(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(fmt.Sprintf("/proc/thread-self/fd/%d", fd), buf)
	if err != nil {
		return "", fmt.Errorf("read name of %s: %w", path, err)
	}
	return string(buf[:n]), nil
}

// mayHaveMounts tells whether there may be mounts below a directory; those that there are on its mount are seen without a
// look at mountinfo, which is long on some hosts (Linux 6.8). Usually a root filesystem is a mount of its own, with none.
func mayHaveMounts(path string) bool {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_TYPE|unix.STATX_MNT_ID_UNIQUE, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false // who opens it says what is wrong
	}
	if st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		return true
	}
	var below uint64
	request := struct { // struct mnt_id_req
		size, spare uint32
		id, param   uint64
	}{24, 0, st.Mnt_id, 0}
	n, _, errno := unix.Syscall6(unix.SYS_LISTMOUNT, uintptr(unsafe.Pointer(&request)), uintptr(unsafe.Pointer(&below)), 1, 0, 0, 0)
	return errno != 0 || n > 0
}

// maxMountinfo bounds what is read of mountinfo.
const maxMountinfo = 64 << 20

// unbindable are the unbindable mounts of the maker's mount namespace, as they were when that was first asked.
func (m *Maker) unbindable() (list []unbindable, err error) {
	if !m.looked {
		m.found, err = readUnbindable()
		m.looked = err == nil
	}
	return m.found, err
}

// readUnbindable finds the unbindable mounts of the calling thread's mount namespace.
func readUnbindable() ([]unbindable, error) {
	fd, err := unix.Open("/proc/thread-self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open mountinfo: %w", err)
	}
	defer unix.Close(fd)
	text, err := fdio.ReadAll(fd, 16<<10, maxMountinfo)
	if err != nil {
		return nil, fmt.Errorf("read mountinfo: %w", err)
	}
	return parseUnbindable(text), nil
}

// parseUnbindable finds the unbindable mounts in a text of mountinfo.
func parseUnbindable(text []byte) (list []unbindable) {
	if !bytes.Contains(text, []byte(" unbindable ")) {
		return nil
	}
	covered := map[[2]string]bool{} // by id and mount point
	var ids []string
	for line := range strings.Lines(string(text)) {
		tags, _, _ := strings.Cut(line, " - ")
		f := strings.Split(tags, " ")
		if len(f) < 6 {
			continue
		}
		covered[[2]string{f[1], f[4]}] = true
		if strings.HasSuffix(tags, " unbindable") {
			list = append(list, unbindable{point: f[4]})
			ids = append(ids, f[0])
		}
	}
	for i := range list {
		u := &list[i]
		u.covered = covered[[2]string{ids[i], u.point}]
		u.point = proc.Unescape(u.point)
	}
	return list
}
