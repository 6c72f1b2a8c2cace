package spec

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// netDevices checks linux.netDevices. Devices go to the network namespace that linux.namespaces
// lists, new or joined.
func (c *checker) netDevices(devices map[string]specs.LinuxNetDevice) {
	if len(devices) == 0 {
		return
	}
	if !c.ns[specs.NetworkNamespace].set {
		c.bad(msgNeeds(specs.NetworkNamespace), "linux", "netDevices")
	}
	from := make(map[string]string, len(devices))
	for _, host := range sortedKeys(devices) {
		if !isNetDevice(host) {
			c.bad("invalid name of a network device", "linux", "netDevices", key(host))
			continue
		}
		name := devices[host].Name
		if name == "" {
			name = host
		}
		// The kernel puts a number in the place of one %d, and knows no other template.
		before, after, template := strings.Cut(name, "%d")
		if !isNetDevice(name) || strings.Contains(before+after, "%") {
			c.bad("invalid name of a network device "+quote(name), "linux", "netDevices", key(host), "name")
			continue
		}
		if other, taken := from[name]; taken && !template {
			c.bad(quote(name)+" is the name of "+quote(other)+" already", "linux", "netDevices", key(host), "name")
		}
		from[name] = host
	}
}

// isNetDevice reports whether the kernel takes the name (dev_valid_name). It looks
// at bytes: "à" ends in 0xa0, which is a space to it.
func isNetDevice(name string) bool {
	const limit = 15 // IFNAMSIZ, with its NUL, is 16
	if name == "" || len(name) > limit || name == "." || name == ".." {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c == 0, c == '/', c == ':', isKernelSpace(c):
			return false
		}
	}
	return true
}

// isKernelSpace is the kernel's isspace, whose table is that of Latin-1: tab, line
// feed, vertical tab, form feed, carriage return, space and no-break space.
func isKernelSpace(c byte) bool { return c >= '\t' && c <= '\r' || c == ' ' || c == 0xa0 }
