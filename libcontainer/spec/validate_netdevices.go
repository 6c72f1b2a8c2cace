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

// isNetDevice reports whether the kernel takes the name (dev_valid_name).
func isNetDevice(name string) bool {
	const limit = 15 // IFNAMSIZ, with its NUL, is 16
	if name == "" || len(name) > limit || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsAny(name, "/:\x00 \t\n\v\f\r\xa0")
}
