package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// linux checks everything below linux.
func (c *checker) linux(l *specs.Linux) {
	c.namespaces(l.Namespaces)
	c.idMappings(l)
	c.timeOffsets(l.TimeOffsets)
	c.devices(l.Devices)
	c.netDevices(l.NetDevices)
	c.sysctls(l.Sysctl)
	c.rootfsPropagation(l.RootfsPropagation)
	c.hiddenPaths("maskedPaths", l.MaskedPaths)
	c.hiddenPaths("readonlyPaths", l.ReadonlyPaths)
	c.cgroupsPath(l.CgroupsPath)
	c.seccomp(l.Seccomp)
	c.label(l.MountLabel, "linux", "mountLabel")
	c.personality(l.Personality)
	c.memoryPolicy(l.MemoryPolicy)
	c.intelRdt(l.IntelRdt)
	if l.Resources != nil {
		c.resources(l.Resources)
	}
}

// The kernel's dev_t has 12 bits of major and 20 bits of minor number.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

func (c *checker) devices(list []specs.LinuxDevice) {
	if len(list) > 0 {
		c.needsMounts("linux", "devices")
	}
	types := make(map[string]string, len(list))
	for i := range list {
		d := &list[i]
		c.path(d.Path, "linux", "devices", i, "path")
		clean := path.Clean("/" + d.Path)
		if d.Path != "" && clean == "/" {
			c.bad("must not be the root of the container", "linux", "devices", i, "path")
		}
		kind := d.Type
		if kind == "u" { // mknod(1): unbuffered, which is the same thing today
			kind = "c"
		}
		c.device(i, d, kind)
		if kind == "c" || kind == "b" {
			kind = fmt.Sprintf("%s, %d:%d", kind, d.Major, d.Minor)
		}
		// The specification wants an error where a file is there that is another one.
		if before, ok := types[clean]; ok && before != kind {
			c.bad("already is a device of type "+before, "linux", "devices", i, "path")
		}
		types[clean] = kind
	}
}

func (c *checker) device(i int, d *specs.LinuxDevice, kind string) {
	switch kind {
	case "b", "c":
		if d.Major < 0 || d.Major > maxMajor {
			c.bad("must be from 0 to 4095", "linux", "devices", i, "major")
		}
		if d.Minor < 0 || d.Minor > maxMinor {
			c.bad("must be from 0 to 1048575", "linux", "devices", i, "minor")
		}
	case "p":
	default:
		c.bad("unknown type "+quote(d.Type)+", must be b, c, u or p", "linux", "devices", i, "type")
	}
	// Engines put the bits of the type in as well (S_IFCHR…). They have no meaning here.
	const typeBits = 0o170000
	if d.FileMode != nil && *d.FileMode&^typeBits > 0o7777 {
		c.bad("must be at most 07777 (4095)", "linux", "devices", i, "fileMode")
	}
	if d.UID != nil && *d.UID > maxID {
		c.bad(msgID, "linux", "devices", i, "uid")
	}
	if d.GID != nil && *d.GID > maxID {
		c.bad(msgID, "linux", "devices", i, "gid")
	}
}

// sysctls lets through only what belongs to a namespace of the container (CVE-2022-0811).
func (c *checker) sysctls(list map[string]string) {
	for _, name := range sortedKeys(list) {
		need, err := SysctlNamespace(name)
		ns := c.ns[need]
		switch {
		case err != nil:
			c.bad(err.Error(), "linux", "sysctl", key(name))
		case need == specs.UserNamespace && !ns.isNew():
			c.bad("needs a new user namespace", "linux", "sysctl", key(name))
		case !ns.set:
			c.bad(msgNeeds(need), "linux", "sysctl", key(name))
		}
		// The kernel takes a line with its end. Of a text it takes no more, and says nothing.
		if strings.ContainsAny(strings.TrimRight(list[name], "\n"), "\x00\n") {
			c.bad("value must not contain a NUL byte, or a newline before its end", "linux", "sysctl", key(name))
		}
	}
}

func (c *checker) rootfsPropagation(mode string) {
	if mode == "" {
		return
	}
	if known := [...]string{"shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"}; !slices.Contains(known[:], mode) {
		unknown(c, "propagation", mode, known[:], "linux", "rootfsPropagation")
	}
	c.needsMounts("linux", "rootfsPropagation")
}

// hiddenPaths checks maskedPaths and readonlyPaths.
func (c *checker) hiddenPaths(field string, list []string) {
	if len(list) > 0 {
		c.needsMounts("linux", field)
	}
	for i, p := range list {
		c.path(p, "linux", field, i)
		if isAbs(p) && path.Clean(p) == "/" && field == "maskedPaths" {
			c.bad("must not be the root of the container", "linux", field, i)
		}
	}
}

func (c *checker) cgroupsPath(p string) {
	if strings.ContainsAny(p, "\x00\n") {
		c.bad("must not contain a NUL byte or a newline", "linux", "cgroupsPath")
	}
	if len(p) > 4095 { // PATH_MAX, with its NUL
		c.bad("must be at most 4095 bytes long", "linux", "cgroupsPath")
	}
	switch {
	case slices.Contains(strings.Split(p, "/"), ".."):
		c.bad(`".." is not allowed`, "linux", "cgroupsPath")
	case p != "" && path.Clean("/"+p) == "/":
		c.bad("a container can't use the root cgroup", "linux", "cgroupsPath")
	}
}

// accessLetters are those of a device rule's access that mean something.
const accessLetters = "rwm"

func (c *checker) deviceRule(i int, d *specs.LinuxDeviceCgroup) {
	switch d.Type {
	case "", "a", "b", "c":
	default:
		c.bad("unknown type "+quote(d.Type)+", must be a, b or c", "linux", "resources", "devices", i, "type")
	}
	// A rule for all devices is one for every access.
	if d.Access == "" || (d.Type == "b" || d.Type == "c") && !strings.ContainsAny(d.Access, accessLetters) {
		c.bad("must be one or more of r, w and m", "linux", "resources", "devices", i, "access")
	}
	for _, f := range [...]struct {
		field  string
		number *int64
	}{
		{"major", d.Major}, {"minor", d.Minor},
	} {
		if f.number != nil && (*f.number < -1 || *f.number > 1<<32-1) {
			c.bad("must be -1 for all, or from 0 to 4294967295", "linux", "resources", "devices", i, f.field)
		}
	}
}
