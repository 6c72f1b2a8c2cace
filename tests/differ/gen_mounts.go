package differ

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func mount(dest, kind, source string, options ...string) specs.Mount {
	return specs.Mount{Destination: dest, Type: kind, Source: source, Options: options}
}

// usual are the mounts that `runc spec` writes.
func usual() []specs.Mount {
	return []specs.Mount{
		mount("/proc", "proc", "proc"),
		mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
		mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
		mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
		mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
		mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
		mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
	}
}

// mounts chooses the list: a third of all cases has next to nothing.
func (d *dice) mounts() {
	s := d.c.Spec
	switch n := d.IntN(100); {
	case n < 12:
		s.Mounts = []specs.Mount{}
	case n < 22:
		s.Mounts = d.many(d.tmpfs)
	case n < 32:
		s.Mounts = d.many(d.bind)
	case n < 60:
		s.Mounts = d.perturbed(usual())
	case n < 75:
		s.Mounts = usual()
	default:
		s.Mounts = d.odd()
	}
	for range d.IntN(2) * d.IntN(3) {
		s.Mounts = append(s.Mounts, pick(d, d.tmpfs, d.bind, d.overlay)())
	}
	d.again()
	if s.Root.Readonly && d.p(80) { // places that have to be made can't be
		s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return !inImage(m.Destination) })
	}
	if pid, joined := d.c.has(specs.PIDNamespace); !pid && !joined && d.p(30) {
		d.drop("/proc")
		s.Mounts = append([]specs.Mount{mount("/proc", pick(d, "bind", "none", ""), "/proc", "rbind", pick(d, "ro", "nosuid"))}, s.Mounts...)
	}
}

// inImage reports whether a place is in the image, or in a file system that is
// usually mounted.
func inImage(dest string) bool {
	switch dest {
	case "/proc", "/sys", "/dev", "/mnt", "/tmp", "/srv", "/srv/dir", "/srv/file", "/home", "/run", "/run/", "/secret", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup":
		return true
	}
	return false
}

func (d *dice) many(one func() specs.Mount) (list []specs.Mount) {
	for range 1 + d.IntN(4) {
		list = append(list, one())
	}
	return list
}

func (d *dice) drop(dest string) {
	var kept []specs.Mount
	for _, m := range d.c.Spec.Mounts {
		if m.Destination != dest {
			kept = append(kept, m)
		}
	}
	d.c.Spec.Mounts = kept
}

// perturbed leaves out some, and changes some options.
func (d *dice) perturbed(list []specs.Mount) []specs.Mount {
	list = some(d, 75, list...)
	for i := range list {
		if d.p(25) {
			list[i].Options = append(list[i].Options, pick(d, "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "rw", "sync", "dirsync"))
		}
		if d.p(10) && len(list[i].Options) > 1 {
			list[i].Options = list[i].Options[:len(list[i].Options)-1]
		}
		if d.p(4) {
			list[i].Options = nil
		}
	}
	if d.p(15) && len(list) > 1 {
		i, j := d.IntN(len(list)), d.IntN(len(list))
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// odd takes file systems of the kernel to places where they aren't usual.
func (d *dice) odd() (list []specs.Mount) {
	makers := []func() specs.Mount{
		func() specs.Mount {
			return mount(pick(d, "/proc", "/mnt/proc"), "proc", "proc", some(d, 30, "ro", "nosuid", "noexec", "nodev")...)
		},
		func() specs.Mount {
			return mount(pick(d, "/sys", "/sys", "/mnt/sys"), "sysfs", "sysfs", some(d, 40, "ro", "nosuid")...)
		},
		func() specs.Mount {
			return mount(pick(d, "/dev", "/dev", "/dev", "/mnt/dev"), "tmpfs", pick(d, "tmpfs", "dev"), some(d, 60, "nosuid", "mode=755", "size=1m")...)
		},
		func() specs.Mount {
			return mount(pick(d, "/dev/pts", "/dev/pts", "/mnt/pts"), "devpts", "devpts", some(d, 70, "newinstance", "ptmxmode=0666", "mode=0620", "noexec")...)
		},
		func() specs.Mount {
			return mount(pick(d, "/dev/mqueue", "/mnt/mq"), "mqueue", "mqueue", some(d, 40, "nosuid", "noexec")...)
		},
		func() specs.Mount {
			return mount("/sys/fs/cgroup", "cgroup", "cgroup", some(d, 60, "ro", "nosuid", "noexec")...)
		},
		d.tmpfs, d.tmpfs, d.bind, d.bind, d.bind, d.overlay,
	}
	for range 1 + d.IntN(7) {
		list = append(list, pick(d, makers...)())
	}
	return list
}

// places that mounts are made on: some are there, some in others, some are links.
func (d *dice) place() string {
	return pick(d, "/mnt", "/mnt/a", "/mnt/a/b", "/tmp", "/srv", "/srv/dir", "/new", "/new/deep/er", "/home", "/dev/shm", "/run", "/var/run/x",
		"/link/in", "/secret", "/var/lib/data", "/tmp/sub", "/mnt/../opt", "/run/")
}

func (d *dice) tmpfs() specs.Mount {
	var options []string
	options = append(options, some(d, 25, "nosuid", "nodev", "noexec", "size=1m", "size=64k", "nr_inodes=100")...)
	if d.p(40) {
		options = append(options, pick(d, "mode=700", "mode=1777", "mode=0755", "mode=777"))
	}
	if d.p(15) {
		options = append(options, pick(d, "uid=5", "gid=7", "uid=1000"))
	}
	if d.p(15) {
		options = append(options, "ro")
	}
	if d.p(12) {
		options = append(options, pick(d, "private", "shared", "slave", "rprivate", "rslave", "rshared", "unbindable"))
	}
	if d.p(10) {
		options = append(options, pick(d, "noatime", "strictatime", "relatime", "nodiratime", "lazytime", "iversion"))
	}
	if d.p(5) {
		options = append(options, pick(d, "tmpcopyup", "nosymfollow", "silent", "mand"))
	}
	d.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	return mount(d.place(), "tmpfs", pick(d, "tmpfs", "none", "shm"), options...)
}

func (d *dice) bind() specs.Mount {
	source := pick(d, "dir", "dir", "dir/sub", "open", "file", "dir/a", "strict", "quiet", "strict/sub", "quiet/a")
	dest := d.place()
	if strings.HasSuffix(source, "file") || strings.HasSuffix(source, "/a") {
		dest = pick(d, "/etc/hosts", "/srv/file", "/new-file", "/tmp/f", "/new/dir/file", "/mnt/f", "/run/f")
		// In a user namespace runc puts its own device over what is mounted there.
		if made, joined := d.c.has(specs.UserNamespace); !made && !joined && d.p(20) {
			dest = pick(d, "/dev/random", "/dev/tty", "/dev/full", "/dev/zero")
		}
	}
	options := []string{pick(d, "bind", "rbind")}
	options = append(options, some(d, 12, "ro", "nosuid", "nodev", "noexec", "noatime")...)
	if d.p(15) {
		options = append(options, pick(d, "rw", "private", "rprivate", "slave", "rslave", "shared", "rshared", "relatime"))
	}
	if d.p(20) { // words that take flags away, and words that are no flags of a mount's
		options = append(options, pick(d, "rw", "suid", "dev", "exec", "symfollow", "async", "loud", "norelatime", "strictatime", "rrw", "rsuid"))
	}
	if d.p(6) {
		options = append(options, pick(d, "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "nosymfollow"))
	}
	d.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
	m := mount(dest, pick(d, "bind", "bind", "none", ""), atBundle+"/src/"+source, options...)
	if d.p(10) {
		m.Source = "src/" + source // relative to the bundle
	}
	return m
}

func (d *dice) overlay() specs.Mount {
	src := atBundle + "/src/"
	options := []string{"lowerdir=" + src + "lower", "upperdir=" + src + "upper", "workdir=" + src + "work"}
	if d.p(30) {
		options = []string{"lowerdir=" + src + "lower:" + src + "dir"}
	}
	return mount(d.place(), "overlay", "overlay", append(options, some(d, 20, "nosuid", "ro", "nodev")...)...)
}
