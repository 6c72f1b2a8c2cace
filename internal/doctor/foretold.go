package doctor

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/caps"
	"github.com/rung-oci/rung/internal/plan"
)

// inheritable notes the capabilities that a program is to inherit and that its bounding set lacks: the kernel gives them to nobody who
// hasn't inherited them himself.
func (w *wants) inheritable(c *specs.LinuxCapabilities) {
	asked, _ := caps.FromNames(c.Inheritable)
	bounding, _ := caps.FromNames(c.Bounding)
	if asked&^bounding == 0 {
		return
	}
	w.attempt("process.capabilities", "process.capabilities.inheritable", attempt{
		mend: "list them in process.capabilities.bounding, too, or leave them out", do: func(g *ground) trial {
			lacks := asked &^ bounding
			if g.user < 0 { // what we lack is left out
				_, permitted, inherited, _, _ := caps.Current()
				lacks &= permitted &^ inherited
			}
			if lacks == 0 {
				return trial{}
			}
			return trial{"!set capabilities: inheritable and not in the bounding set: " + strings.Join(lacks.Names(), " "), unix.EPERM}
		},
	})
}

// What execve(2) takes: of a string, and of all together, for which there is no less than the former, and a quarter of the stack.
const (
	maxString  = 128 << 10
	maxStrings = 6 << 20
)

// arguments notes a program's arguments and environment, if there is more than the kernel might take.
func (w *wants) arguments(p *specs.Process) {
	total, longest := 0, 0
	for _, list := range [...][]string{p.Args, p.Env} {
		for _, s := range list {
			total += len(s) + 1 + 8
			longest = max(longest, len(s)+1)
		}
	}
	if total <= maxString {
		return
	}
	w.attempt("process.arguments", "process.args", attempt{mend: "hand it over in a file, or raise RLIMIT_STACK", do: func(*ground) trial {
		var stack unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_STACK, &stack)
		for _, r := range p.Rlimits {
			if r.Type == "RLIMIT_STACK" {
				stack.Cur = r.Soft
			}
		}
		switch most := max(maxString, min(maxStrings, stack.Cur/4)); {
		case longest > maxString:
			return trial{fmt.Sprintf("execve: a string of %d bytes", longest), unix.E2BIG}
		case uint64(total) > most:
			return trial{fmt.Sprintf("execve: arguments and environment of %d bytes, of which %d can be", total, most), unix.E2BIG}
		}
		return trial{}
	}})
}

// startHooks notes the hooks that are run in the container.
func (w *wants) startHooks(list []specs.Hook) {
	for i := range list {
		at := list[i].Path
		w.attempt("hook."+at, fmt.Sprintf("hooks.startContainer[%d].path", i), attempt{
			mend: "put it into the image, with the right to execute it", do: func(g *ground) trial { return w.findHook(g, at) },
		})
	}
}

func (w *wants) findHook(g *ground, at string) trial {
	if !g.ok || g.root < 0 || w.covered(g.root, at, w.spec.Mounts) {
		return trial{}
	}
	fd, err := openIn(g.root, at, 0)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return trial{"execute " + at + " in the root filesystem", err}
	case err != nil:
		return trial{}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0) {
		return trial{"execute " + at + " in the root filesystem", unix.EACCES}
	}
	return trial{}
}

// masked tells which of linux.maskedPaths is in a path's way, "" if none is.
func (w *wants) masked(root int, name string, itself bool) string {
	way := trail(root, name)
	if !itself && len(way) > 0 {
		way = way[:len(way)-1]
	}
	for _, m := range w.spec.Linux.MaskedPaths {
		if at := trail(root, m); len(at) > 0 && slices.Contains(way, at[len(at)-1]) {
			return m
		}
	}
	return ""
}

// hidden is a failure if masks hide the program wherever it might be. What they hide is there, or else they would hide nothing.
func (w *wants) hidden(g *ground) trial {
	by := ""
	for _, at := range plan.Candidates(w.spec) {
		if m := w.masked(g.root, at, true); m != "" {
			by = m
			continue
		}
		if w.covered(g.root, at, w.spec.Mounts) {
			return trial{}
		}
		if fd, err := openIn(g.root, at, 0); err == nil {
			unix.Close(fd)
			return trial{}
		}
	}
	if by == "" {
		return trial{}
	}
	return trial{"exec " + w.spec.Process.Args[0] + ": linux.maskedPaths hides it by " + by, unix.EACCES}
}

// notDirectories are devices that are there in every container.
var notDirectories = [...]string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}

// closed are file systems in which nobody makes a node of his own.
var closed = [...]string{"proc", "sysfs", "devpts", "mqueue"}

// nowhere tells why a device can't be made at a path, whatever the image has there.
func (w *wants) nowhere(g *ground, d *specs.LinuxDevice) trial {
	at := path.Clean("/" + d.Path)
	if tooLong(at) {
		return trial{"make device " + d.Path, unix.ENAMETOOLONG}
	}
	for _, other := range notDirectories {
		if below(at, other) {
			return trial{"make device " + d.Path, unix.ENOTDIR}
		}
	}
	for _, other := range w.spec.Linux.Devices {
		if below(at, path.Clean("/"+other.Path)) {
			return trial{"make device " + d.Path, unix.ENOTDIR}
		}
	}
	kind, mount := on(at, w.spec.Mounts)
	if !slices.Contains(closed[:], kind) || at == mount+"/ptmx" {
		return trial{}
	}
	// Without the right to make nodes it is bound, to a file that may be there.
	if g.bindsDevices() && (kind == "mqueue" || hasOfKernel(kind, strings.TrimPrefix(at, mount))) {
		return trial{}
	}
	return trial{"make device " + d.Path + ": in a mount of " + kind, unix.EPERM}
}

// hasOfKernel tells whether a file system of the kernel's may have a path: what the host's has, and what is of a process.
func hasOfKernel(kind, name string) bool {
	switch kind {
	case "proc":
		return name[1] >= '0' && name[1] <= '9' || unix.Access("/proc"+name, unix.F_OK) != unix.ENOENT
	case "sysfs":
		return unix.Access("/sys"+name, unix.F_OK) != unix.ENOENT
	}
	return false
}

// unmakeable tells why a directory can't be made in what was mounted before.
func unmakeable(at string, before []specs.Mount) trial {
	at = path.Clean("/" + at)
	kind, mount := on(at, before)
	if kind == "proc" || !slices.Contains(closed[:], kind) || hasOfKernel(kind, strings.TrimPrefix(at, mount)) {
		return trial{}
	}
	return trial{"mount at " + at + ": make what is missing in a mount of " + kind, unix.EPERM}
}

// tooLong tells whether no path can be such, or no name in it.
func tooLong(name string) bool {
	const most = 255 // bytes of a name: what file systems have
	return len(name) >= unix.PathMax || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return len(part) > most })
}

// protected notes paths that the container is to see read-only, or not at all, of a field with a name. What isn't there is no error, but what can't be.
func (w *wants) protected(name, label string, list []string) {
	if len(list) == 0 {
		return
	}
	w.attempt("path."+name, "linux."+name, attempt{mend: "name what can be there, or leave it out", do: func(g *ground) trial {
		for _, at := range list {
			if tooLong(at) {
				return trial{label + at, unix.ENAMETOOLONG}
			}
			if !g.ok || g.root < 0 || w.covered(g.root, at, w.spec.Mounts) {
				continue
			}
			fd, err := openIn(g.root, at, 0)
			if err == nil {
				unix.Close(fd)
			}
			if errors.Is(err, unix.ENOTDIR) {
				return trial{label + at, err}
			}
		}
		return trial{}
	}})
}

// terminal notes that a terminal is made by what is mounted at /dev/pts.
func (w *wants) terminal(p *specs.Process) {
	if !p.Terminal {
		return
	}
	w.attempt("process.terminal", "process.terminal", attempt{mend: "mount devpts at /dev/pts, in a mount namespace of the container's", do: func(g *ground) trial {
		const ptmx = "/dev/pts/ptmx"
		if g.ok && g.root >= 0 && !w.hooked() && w.absent(g.root, ptmx) {
			return trial{"make console: open " + ptmx, unix.ENOENT}
		}
		return trial{}
	}})
}

// on is the file system of the mount that a path is below, and where that is; "" if nothing can be said.
func on(at string, by []specs.Mount) (kind, mount string) {
	for i := range by {
		m := &by[i]
		place := path.Clean("/" + m.Destination)
		switch {
		case place == at || below(place, at):
			return "", "" // there, so there is a place
		case below(at, place):
			kind, mount = m.Type, place
			if slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind") {
				kind = ""
			}
		}
	}
	return kind, mount
}

func below(at, dir string) bool { return strings.HasPrefix(at, strings.TrimSuffix(dir, "/")+"/") }
