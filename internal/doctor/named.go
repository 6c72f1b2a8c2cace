package doctor

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
)

// A named file of the host is one that a configuration names.
type named struct {
	path  string
	field string
	look  func(*named) error
	fails string
	goes  bool              // the container goes without, with a warning
	node  specs.LinuxDevice // of a device
}

// join is a namespace that is there.
type join struct {
	path string
	kind specs.LinuxNamespaceType
}

// names notes what of the host's files a configuration names.
func (w *wants) names(s *specs.Spec) {
	if h := s.Hooks; h != nil {
		w.hooks("prestart", h.Prestart)
		w.hooks("createRuntime", h.CreateRuntime)
		w.hooks("createContainer", h.CreateContainer)
		w.hooks("poststart", h.Poststart)
		w.hooks("poststop", h.Poststop)
		w.startHooks(h.StartContainer)
	}
	if s.Linux == nil {
		return
	}
	for i, n := range s.Linux.Namespaces {
		if n.Path != "" {
			w.joins = append(w.joins, join{n.Path, n.Type})
			w.field("namespace.join", "linux.namespaces[%d].path", i)
		}
	}
	// A namespace can be joined by who has rights in its user namespace.
	slices.SortStableFunc(w.joins, func(a, b join) int { return rank(a) - rank(b) })
	if r := s.Linux.Resources; r != nil {
		for _, name := range slices.Sorted(maps.Keys(r.Rdma)) {
			w.name(named{path: "/sys/class/infiniband/" + name, field: fmt.Sprintf("linux.resources.rdma[%q]", name), look: isThere, fails: "the limit: the controller knows no such device"})
		}
	}
	for i, d := range s.Linux.Devices {
		if d.Type == "p" { // made everywhere
			continue
		}
		w.name(named{path: d.Path, node: d, field: fmt.Sprintf("linux.devices[%d]", i), look: isDevice, fails: "the bundle: without rights on the host its devices are the host's"})
	}
}

func rank(j join) int {
	if j.kind == specs.UserNamespace {
		return 0
	}
	return 1
}

func (w *wants) hooks(kind string, list []specs.Hook) {
	for i := range list {
		w.name(named{path: list[i].Path, field: fmt.Sprintf("hooks.%s[%d].path", kind, i), look: isProgram, fails: "the hook", goes: kind == "poststop"})
	}
}

// name notes a file, once.
func (w *wants) name(n named) {
	if !slices.ContainsFunc(w.named, func(o named) bool { return o.path == n.path }) {
		w.named = append(w.named, n)
		w.field("file."+n.path, "%s", n.field)
	}
}

func isThere(n *named) error {
	var st unix.Stat_t
	return pathError("stat", n.path, unix.Stat(n.path, &st))
}

func isProgram(n *named) error {
	var st unix.Stat_t
	err := unix.Access(n.path, unix.X_OK)
	if err == nil && unix.Stat(n.path, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = unix.EACCES
	}
	return pathError("execute", n.path, err)
}

// isDevice tells whether the host has the device in the same place.
func isDevice(n *named) error {
	var st unix.Stat_t
	if err := unix.Lstat(n.path, &st); err != nil {
		return pathError("lstat", n.path, err)
	}
	want := uint32(unix.S_IFCHR)
	if n.node.Type == "b" {
		want = unix.S_IFBLK
	}
	if st.Mode&unix.S_IFMT != want || uint64(st.Rdev) != unix.Mkdev(uint32(n.node.Major), uint32(n.node.Minor)) {
		return fmt.Errorf("%s is another device, or none", n.path)
	}
	return nil
}

func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}

// names is what was found of them.
type names struct {
	errs []error // of wants.named
	join trial
}

func lookAtNames(c *caller, w *wants) (n names) {
	for i := range w.named {
		var err error
		if f := &w.named[i]; f.node.Path == "" || !c.privileged() || !c.permitted.Has(unix.CAP_MKNOD) {
			err = f.look(f)
		}
		n.errs = append(n.errs, err)
	}
	if len(w.joins) > 0 {
		n.join = tryJoins(c, w.joins)
	}
	return n
}

// tryJoins has children join all namespaces. Where one is a user namespace, each of the others is joined before it, as what the host's owns has to be, or else
// after it.
func tryJoins(c *caller, list []join) trial {
	var fds []int
	user := -1
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for _, j := range list {
		fd, err := unix.Open(j.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return trial{err: pathError("open", j.path, err)}
		}
		fds = append(fds, fd)
		if j.kind == specs.UserNamespace {
			user = fd
		}
	}
	enter := func(which ...int) func(*nsenter.Tape) {
		return func(t *nsenter.Tape) {
			for _, i := range which {
				t.Call("join "+list[i].path, unix.SYS_SETNS, nsenter.Int(fds[i]), nsenter.Int(plan.Flag(list[i].kind)))
			}
		}
	}
	if user < 0 {
		all := make([]int, len(list))
		for i := range all {
			all[i] = i
		}
		return try(c.own, enter(all...))
	}
	for i := range list { // the user namespace is the first, see names
		if i > 0 && try(0, enter(i)).err == nil {
			continue
		}
		way := []int{0, i}[:min(i+1, 2)]
		if t := try(0, enter(way...)); t.err != nil {
			return t
		}
	}
	return trial{}
}

func (n *names) judge(w *wants) (list []Check) {
	for i := range w.named {
		f := &w.named[i]
		c := Check{Name: "file." + f.path, Status: OK, Need: Required}
		if n.errs[i] != nil {
			c.Status, c.Found, c.Fails = Missing, n.errs[i].Error(), f.fails
			c.Mend = "put it there, or change " + f.field
			if f.goes {
				c.Status = Degraded
			}
		}
		list = append(list, c)
	}
	return list
}

func (n *names) judgeJoin(w *wants) []Check {
	if len(w.joins) == 0 {
		return nil
	}
	c := Check{Name: "namespace.join", Status: OK, Need: Required}
	if n.join.err != nil {
		c.Status, c.Found, c.Fails = Missing, n.join.String(), "the bundle"
		c.Mend = "name a namespace of this kind that is there, and owned by a user namespace in which we have rights"
	}
	return []Check{c}
}

// source notes the source of a bind mount, as an absolute path. One within the root filesystem may be what an earlier mount puts
// there.
func (w *wants) source(i int, m *specs.Mount, b *spec.Bundle) string {
	path := hostPath(m, b)
	if b.Rootfs == "" || !strings.HasPrefix(filepath.Clean(path)+"/", b.Rootfs+"/") {
		w.name(named{path: path, field: fmt.Sprintf("mounts[%d].source", i), look: isThere, fails: "the mount"})
	}
	return path
}

// hostPath is the source of a bind mount, as an absolute path.
func hostPath(m *specs.Mount, b *spec.Bundle) string {
	if filepath.IsAbs(m.Source) {
		return m.Source
	}
	return filepath.Join(b.Dir, m.Source)
}
