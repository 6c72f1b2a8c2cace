package doctor

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/program"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/seccomp"
)

// inside notes what the root filesystem is to have, or not, and what mounts show there, as far as that is known before they are made.
func (w *wants) inside(b *spec.Bundle) {
	w.rootfs, w.dir = b.Rootfs, b.Dir
	s := w.spec
	if s.Process != nil && len(s.Process.Args) > 0 && s.Process.Args[0] != "" {
		w.attempt("process.program", "process.args[0]", attempt{mend: "put the program there, with the right to execute it, or name another", do: w.findProgram})
		w.execve(s)
	}
	if s.Process != nil {
		w.attempt("process.cwd", "process.cwd", attempt{mend: "name a directory", do: func(g *ground) trial {
			if g.ok && g.root >= 0 {
				if m := w.masked(g.root, s.Process.Cwd, false); m != "" {
					return trial{"chdir to cwd " + s.Process.Cwd + ": linux.maskedPaths hides it by " + m, unix.ENOENT}
				}
			}
			return w.point(g, "chdir to cwd ", s.Process.Cwd, true, s.Mounts)
		}})
	}
	w.protected("maskedPaths", "mask ", s.Linux.MaskedPaths)
	w.protected("readonlyPaths", "make read-only ", s.Linux.ReadonlyPaths)
	if s.Process != nil {
		w.terminal(s.Process)
	}
	if plan.DevIsBind(s) {
		return
	}
	w.places()
	for i, d := range s.Linux.Devices {
		w.attempt("device."+d.Path, fmt.Sprintf("linux.devices[%d]", i), attempt{
			mend: "remove what the image has there, or name another path", do: func(g *ground) trial {
				if t := w.nowhere(g, &d); t.err != nil {
					return t
				}
				return w.place(g, &d)
			},
		})
	}
}

// findProgram has a child become the user's process in the root filesystem, and look.
func (w *wants) findProgram(g *ground) trial {
	if !g.ok || g.root < 0 {
		return trial{}
	}
	if t := w.hidden(g); t.err != nil {
		return t
	}
	candidates := plan.Candidates(w.spec)
	if slices.ContainsFunc(candidates, func(p string) bool { return w.covered(g.root, p, w.spec.Mounts) }) {
		if w.hooked() || slices.ContainsFunc(candidates, func(p string) bool { return !w.absent(g.root, p) }) {
			return trial{}
		}
		return trial{"find " + w.spec.Process.Args[0] + " in what is mounted", unix.ENOENT}
	}
	const way = "enter the root filesystem"
	found := try(0, func(t *nsenter.Tape) {
		g.become(t)
		t.Call(way, unix.SYS_FCHDIR, nsenter.Int(g.root))
		t.Call(way, unix.SYS_CHROOT, t.Str("."))
		plan.Look(t, w.spec, &g.host)
	})
	if found.step == way { // a container comes there otherwise
		return trial{}
	}
	p := w.spec.Process
	if why := program.Unfit(&uncovered{rootfs.At(g.root), g.root, w}, p.Args[0], p.Cwd, plan.SearchPath(p.Env)); found.err == nil && why != "" && !handlers() {
		return trial{"!exec " + p.Args[0] + ": " + why, unix.ENOEXEC}
	}
	return found
}

// uncovered reads what of a root filesystem no mount of the bundle's covers.
type uncovered struct {
	rootfs.Root
	fd int
	w  *wants
}

// ReadRegular reads a file.
func (u *uncovered) ReadRegular(name string, limit int) ([]byte, int64, error) {
	if u.w.covered(u.fd, name, u.w.spec.Mounts) {
		return nil, 0, unix.EACCES // nobody knows
	}
	return u.Root.ReadRegular(name, limit)
}

// handlers tells whether somebody has told the kernel of more formats of programs than it knows itself.
func handlers() bool {
	list, err := os.ReadDir("/proc/sys/fs/binfmt_misc")
	return err == nil && len(list) > 2 // register and status
}

// execve notes that the profile has to let the program be executed: it is in force by then.
func (w *wants) execve(s *specs.Spec) {
	p := s.Linux.Seccomp
	if !seccomp.Wanted(p) {
		return
	}
	e, err := seccomp.Explain(p, seccomp.Native(), "", "execve", nil)
	if err != nil || e.Number < 0 {
		return
	}
	action, _, _ := strings.Cut(e.Answer, " ")
	w.attempt("seccomp.execve", e.Field, attempt{mend: "let the profile allow execve", do: func(*ground) trial {
		switch specs.LinuxSeccompAction(action) {
		case specs.ActAllow, specs.ActLog, specs.ActNotify, specs.ActTrace:
			return trial{}
		}
		return trial{"!execve: " + e.Answer + ", " + e.Why, unix.EPERM}
	}})
}

// place looks at what is where a device is to be made.
func (w *wants) place(g *ground, d *specs.LinuxDevice) trial {
	if !g.ok || g.root < 0 {
		return trial{}
	}
	dir, base := path.Split(path.Clean("/" + d.Path))
	label := "make device " + d.Path
	covered := w.covered(g.root, d.Path, w.spec.Mounts)
	st, err := lookIn(g.root, dir, base)
	if err != nil && !covered {
		return g.making(label, d.Path)
	}
	failed := func(e unix.Errno) trial { return trial{label, e} }
	kind, want := st.Mode&unix.S_IFMT, uint32(unix.S_IFCHR)
	switch d.Type {
	case "b":
		want = unix.S_IFBLK
	case "p":
		want = unix.S_IFIFO
	}
	if covered {
		return w.placeThrough(g, label, d.Path, want, unix.Mkdev(uint32(d.Major), uint32(d.Minor)))
	}
	if bound := want != unix.S_IFIFO && g.bindsDevices(); bound {
		switch kind {
		case unix.S_IFLNK:
			return failed(unix.ELOOP)
		case unix.S_IFDIR:
			return failed(unix.EISDIR)
		}
		return trial{}
	}
	if kind != want || want != unix.S_IFIFO && uint64(st.Rdev) != unix.Mkdev(uint32(d.Major), uint32(d.Minor)) {
		return failed(unix.EEXIST)
	}
	return trial{}
}

// point looks at what is where a directory is to be, or a file: it isn't there, or is one, as far as these mounts don't cover it.
func (w *wants) point(g *ground, label, name string, directory bool, by []specs.Mount) trial {
	if tooLong(name) {
		return trial{label + name, unix.ENAMETOOLONG}
	}
	if !g.ok || g.root < 0 {
		return trial{}
	}
	if w.covered(g.root, name, by) {
		return w.pointThrough(g, label, name, directory, by)
	}
	fd, err := openIn(g.root, name, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return g.making(label+name, name)
	case errors.Is(err, unix.ENOTDIR):
		return trial{label + name, err}
	case err != nil:
		return trial{}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	switch {
	case unix.Fstat(fd, &st) != nil || (st.Mode&unix.S_IFMT == unix.S_IFDIR) == directory:
		return trial{}
	case directory:
		return trial{label + name, unix.ENOTDIR}
	}
	return trial{label + name, unix.EISDIR}
}

// making tells whether the container's root may make what is missing, in the nearest directory that is there.
func (g *ground) making(label, name string) trial {
	fd, err := -1, error(unix.ENOENT)
	for errors.Is(err, unix.ENOENT) && name != "/" {
		name = path.Dir(path.Clean("/" + name))
		fd, err = openIn(g.root, name, unix.O_DIRECTORY)
	}
	if errors.Is(err, unix.ENOTDIR) {
		return trial{label + ": " + name, err}
	}
	if err != nil {
		return trial{}
	}
	defer unix.Close(fd)
	return try(0, func(t *nsenter.Tape) {
		g.become(t)
		t.Call(label+": write to "+name, nsenter.SysFaccessat2, nsenter.Int(fd), t.Str(""), nsenter.Int(unix.W_OK|unix.X_OK), nsenter.Int(unix.AT_EACCESS|unix.AT_EMPTY_PATH))
	})
}

// points notes the place of mounts[i]. What is bound has to be there if it is of the root filesystem itself.
func (w *wants) points(i int, m *specs.Mount, o *option.Options, b *spec.Bundle) {
	if o.Remount {
		return
	}
	before := w.spec.Mounts[:i]
	w.attempt("place."+m.Destination, fmt.Sprintf("mounts[%d].destination", i), attempt{
		mend: "have a directory, or nothing, where a directory is mounted, and a file where a file is",
		do: func(g *ground) trial {
			if !o.Bind {
				if t := unmakeable(m.Destination, before); t.err != nil {
					return t
				}
				special := m.Type == "proc" || m.Type == "sysfs"
				if special && g.root >= 0 && linkIn(g.root, m.Destination) != "" && !w.covered(g.root, path.Dir(path.Clean("/"+m.Destination)), before) {
					return trial{fmt.Sprintf("!filesystem %q must be mounted on ordinary directory", m.Type), unix.ELOOP}
				}
				return w.point(g, "mount at ", m.Destination, true, before)
			}
			source := hostPath(m, b)
			inside, within := strings.CutPrefix(path.Clean(source)+"/", b.Rootfs+"/")
			var st unix.Stat_t
			switch {
			case within && g.root >= 0 && !w.covered(g.root, inside, before):
				fd, err := openIn(g.root, inside, 0)
				if err != nil {
					return trial{"bind " + m.Source, err}
				}
				defer unix.Close(fd)
				_ = unix.Fstat(fd, &st)
			case within || unix.Stat(source, &st) != nil:
				return trial{}
			}
			if kind, _ := on(path.Clean("/"+m.Destination), before); kind != "mqueue" || st.Mode&unix.S_IFMT == unix.S_IFDIR { // which takes files
				if t := unmakeable(m.Destination, before); t.err != nil {
					return t
				}
			}
			return w.point(g, "mount at ", m.Destination, st.Mode&unix.S_IFMT == unix.S_IFDIR, before)
		},
	})
}

// openIn opens a path below a root filesystem, which its links don't leave.
func openIn(root int, name string, flags uint64) (int, error) {
	return unix.Openat2(root, "./"+name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | flags, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
}

func lookIn(root int, dir, base string) (st unix.Stat_t, err error) {
	fd, err := openIn(root, dir, unix.O_DIRECTORY)
	if err != nil {
		return st, err
	}
	defer unix.Close(fd)
	return st, unix.Fstatat(fd, base, &st, unix.AT_SYMLINK_NOFOLLOW)
}

// covered tells whether one of these mounts is in a path's way.
func (w *wants) covered(root int, name string, by []specs.Mount) bool {
	way := trail(root, name)
	for i := range by {
		at := trail(root, by[i].Destination)
		if len(at) == 0 || slices.Contains(way, at[len(at)-1]) {
			return true
		}
	}
	return false
}

// trail are the places in a root filesystem that a path leads through, itself last, without links.
func trail(root int, name string) (list []string) {
	const most = 40 // links
	at, links := "/", 0
	for todo := strings.Split(name, "/"); len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		here := path.Join(at, part)
		target := linkIn(root, here)
		if target == "" || links == most {
			at = here
			list = append(list, at)
			continue
		}
		links++
		if target[0] == '/' {
			at = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return list
}

// linkIn is where a link leads to, "" if it is none.
func linkIn(root int, name string) string {
	fd, err := openIn(root, name, unix.O_NOFOLLOW)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}
