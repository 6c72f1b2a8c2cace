package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/nsenter"
)

// A fresh is a new file system that a bundle mounts.
type fresh struct {
	kind   string
	source string
	option.Options
	mapped bool // its ids are: who makes it is on the host
}

// own are the file systems of which every mount is an instance of its own, or a view of a namespace's: they are made, with their
// options. Of others a mount might be the host's, whose options would change; or reading it writes to a disk.
var own = [...]string{"proc", "tmpfs", "devpts", "mqueue", "sysfs", "overlay", "ramfs", "hugetlbfs", "bpf", "fuse"}

// fresh notes a new file system of mounts[i].
func (w *wants) fresh(i int, m *specs.Mount, o *option.Options, mapped bool) {
	if w.spec.Linux == nil || m.Type == "" || m.Type == "cgroup" || m.Type == "cgroup2" {
		return
	}
	if len(m.Source) >= unix.PathMax {
		w.attempt("mount."+m.Destination, fmt.Sprintf("mounts[%d].source", i), attempt{mend: "name a source of less than 4096 bytes", do: func(*ground) trial {
			return trial{fmt.Sprintf("mount %s of a source of %d bytes", m.Type, len(m.Source)), unix.ENAMETOOLONG}
		}})
		return
	}
	if mount.TooLong(m.Source, *o) {
		return
	}
	var user, network, mounts bool
	for _, n := range w.spec.Linux.Namespaces {
		user = user || n.Type == specs.UserNamespace
		network = network || n.Type == specs.NetworkNamespace && n.Path == ""
		mounts = mounts || n.Type == specs.MountNamespace && n.Path == ""
	}
	if !mounts || m.Type == "sysfs" && !network { // there a clone of ours takes its place
		return
	}
	f := &fresh{m.Type, m.Source, *o, mapped}
	w.attempt("mount."+m.Destination, fmt.Sprintf("mounts[%d]", i), attempt{mend: f.mend(user), do: f.attempt})
}

func (f *fresh) mend(user bool) string {
	switch {
	case f.kind == "proc":
		return "give the container a pid namespace of its own, or bind /proc"
	case f.kind == "mqueue":
		return "give the container an ipc namespace of its own, or bind /dev/mqueue"
	case f.kind == "overlay" || !user || slices.Contains(own[:], f.kind):
		return "give it options that the file system takes, and ids that are mapped"
	}
	return "few file systems can be mounted in a user namespace: bind one that the host has mounted"
}

// attempt makes the file system as the container's first process does.
func (f *fresh) attempt(g *ground) trial {
	if f.mapped {
		return trial{} // as idmap.KIND says
	}
	if f.kind == "overlay" {
		if t := f.layered(); t.err != nil {
			return t
		}
	}
	kind, _, _ := strings.Cut(f.kind, ".") // fuse.NAME is a fuse
	if !slices.Contains(own[:], kind) {
		return f.permitted(g)
	}
	return g.try(spacesOf(f.kind), f.make)
}

// layered tells whether an overlay has all that it needs. One that is written to isn't made: that writes to its layers.
func (f *fresh) layered() trial {
	dir := map[string]string{}
	for _, word := range f.Data {
		key, value, _ := strings.Cut(word, "=")
		dir[strings.TrimSuffix(key, "+")] = value
	}
	var upper, work unix.Stat_t
	failed := func(why string, err error) trial { return trial{"!mount overlay: " + why, err} }
	switch {
	case dir["lowerdir"] == "" && dir["upperdir"] != "":
		return failed("it needs lowerdir", unix.EINVAL)
	case dir["upperdir"] == "":
		return trial{}
	case dir["workdir"] == "":
		return failed("upperdir needs workdir", unix.EINVAL)
	case unix.Stat(dir["upperdir"], &upper) != nil || unix.Stat(dir["workdir"], &work) != nil: // file.PATH says so, or a name has a backslash
		return trial{}
	case upper.Mode&unix.S_IFMT != unix.S_IFDIR || work.Mode&unix.S_IFMT != unix.S_IFDIR:
		return failed("upperdir or workdir isn't a directory", unix.ENOTDIR)
	case strings.HasPrefix(dir["workdir"]+"/", strings.TrimSuffix(dir["upperdir"], "/")+"/") || strings.HasPrefix(dir["upperdir"]+"/", strings.TrimSuffix(dir["workdir"], "/")+"/"):
		return failed("upperdir and workdir are in each other", unix.EINVAL)
	case upper.Dev != work.Dev:
		return failed("upperdir and workdir are of two file systems", unix.EXDEV)
	}
	return trial{}
}

// make makes it, with its options, as mount.New does.
func (f *fresh) make(t *nsenter.Tape) {
	fs, none := t.Slot(), nsenter.Int(0)
	t.Call("fsopen "+f.kind, unix.SYS_FSOPEN, t.Str(f.kind), none).Into(fs)
	set := func(key, value string, isFlag bool) {
		if isFlag {
			t.Call("option "+key, unix.SYS_FSCONFIG, fs.Value(), nsenter.Int(unix.FSCONFIG_SET_FLAG), t.Str(key), none, none)
		} else {
			t.Call("option "+key+"="+value, unix.SYS_FSCONFIG, fs.Value(), nsenter.Int(unix.FSCONFIG_SET_STRING), t.Str(key), t.Str(value), none)
		}
	}
	if f.source != "" {
		set("source", f.source, false)
	}
	for _, flag := range f.Superblock {
		if f.kind != "tmpfs" || flag != "ro" {
			set(flag, "", true)
		}
	}
	written := false
	for _, word := range f.Data {
		key, value, isString := strings.Cut(word, "=")
		set(key, value, !isString)
		written = written || key == "upperdir"
	}
	if f.kind == "overlay" && written {
		return
	}
	t.Call("make "+f.kind, unix.SYS_FSCONFIG, fs.Value(), nsenter.Int(unix.FSCONFIG_CMD_CREATE), none, none, none)
	t.Call("mount "+f.kind, unix.SYS_FSMOUNT, fs.Value(), none, nsenter.Uint(uintptr(f.Attr.Set)))
}

// permitted tells whether a file system may be made where the container is: it is made of nothing, and how that fails says so. Where
// all may be made, one of a disk needs that.
func (f *fresh) permitted(g *ground) trial {
	if !g.owns() {
		if disk(f.kind) {
			var st unix.Stat_t
			if err := unix.Stat(f.source, &st); err != nil {
				return trial{"mount " + f.kind, pathError("stat", f.source, err)}
			} else if st.Mode&unix.S_IFMT != unix.S_IFBLK {
				return trial{"mount " + f.kind + " of " + f.source, unix.ENOTBLK}
			}
			return openable(f.source)
		}
		return trial{}
	}
	t := g.try(0, func(t *nsenter.Tape) {
		fs, none := t.Slot(), nsenter.Int(0)
		t.Call("fsopen "+f.kind, unix.SYS_FSOPEN, t.Str(f.kind), none).Into(fs)
		t.Call("make "+f.kind, unix.SYS_FSCONFIG, fs.Value(), nsenter.Int(unix.FSCONFIG_CMD_CREATE), none, none, none)
	})
	if t.is(unix.EPERM, unix.ENODEV) {
		return t
	}
	return trial{}
}

// openable tells whether device rules that hold for us, or want of a medium, keep us from a block device: who creates the container
// opens it, not the container.
func openable(path string) trial {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	if t := (trial{"open " + path, err}); t.is(unix.EPERM, unix.ENXIO, unix.ENODEV, unix.ENOMEDIUM) {
		return t
	}
	return trial{}
}

// disk tells whether a file system is made of a block device.
func disk(kind string) bool {
	return slices.Contains(strings.Split(readText("/proc/filesystems"), "\n"), "\t"+kind)
}

// locked notes the flags of mounts[i], a bind, that a user namespace may not change.
func (w *wants) locked(i int, m *specs.Mount, o *option.Options, source string) {
	if o.Attr.IsZero() && !o.Named.Any && o.RecAttr.IsZero() {
		return
	}
	w.attempt("mount."+m.Destination, fmt.Sprintf("mounts[%d].options", i), attempt{
		mend: "leave the word out, or mount the source without that flag",
		do: func(g *ground) trial {
			var fs unix.Statfs_t
			if g.user < 0 || unix.Statfs(source, &fs) != nil {
				return trial{}
			}
			have := option.OfStatfs(uint64(fs.Flags))
			var refused []option.Refusal
			if o.Named.Any {
				_, refused = option.Locked(o.Attr, o.Named, have)
			}
			if o.RecAttr.Clear != 0 {
				refused = append(refused, option.LockedBelow(o.RecAttr, have)...)
			}
			if len(refused) == 0 {
				return trial{}
			}
			return trial{option.Text(refused, "source"), unix.EPERM}
		},
	})
}
