package systemd

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/cgroups/device"
)

// allowed is an entry of DeviceAllow.
type allowed struct{ Device, Access string }

// Devices are the properties that let systemd write a cgroup v1's list of
// devices: it does so at every reload, and would allow all of them if it had none.
// What it can't say, a class of devices whose driver isn't there or an exception
// to what is allowed, is left out: less is allowed after a reload then, never more.
//
// On v2 systemd is told nothing. Its program would stand beside ours, where it
// can only deny, and would be made anew at every reload, by what the devices are
// called then (runc issue 3708).
func Devices(list device.List, drivers Drivers) []Property {
	if device.Compile(list) == nil {
		return []Property{property("DevicePolicy", "auto"), property("DeviceAllow", []allowed{})}
	}
	allow := []allowed{}
	for i, r := range list {
		if !r.Allow || slices.ContainsFunc(list[i+1:], func(later device.Rule) bool { return !later.Allow && overlap(r, later) }) {
			continue
		}
		for _, name := range names(r, drivers) {
			allow = append(allow, allowed{name, r.Access.String()})
		}
	}
	return []Property{property("DevicePolicy", "strict"), property("DeviceAllow", allow)}
}

// overlap tells whether two rules speak of an access to the same device.
func overlap(a, b device.Rule) bool {
	same := func(x, y int64) bool { return x == y || x == device.Any || y == device.Any }
	return a.Access&b.Access != 0 && (a.Type == b.Type || a.Type == device.All || b.Type == device.All) && same(a.Major, b.Major) && same(a.Minor, b.Minor)
}

// names are systemd's for the devices of a rule.
func names(r device.Rule, drivers Drivers) []string {
	if r.Type == device.All {
		return []string{"char-*", "block-*"}
	}
	word := "char"
	if r.Type == device.Block {
		word = "block"
	}
	switch {
	case r.Major == device.Any && r.Minor == device.Any:
		return []string{word + "-*"}
	case r.Major == device.Any:
		return nil
	case r.Minor == device.Any:
		var list []string
		for _, driver := range drivers[string(r.Type)+strconv.FormatInt(r.Major, 10)] {
			list = append(list, word+"-"+driver)
		}
		return list
	}
	return []string{"/dev/" + word + "/" + strconv.FormatInt(r.Major, 10) + ":" + strconv.FormatInt(r.Minor, 10)}
}

// Drivers maps types and major numbers, such as c136, to the names that
// /proc/devices has for them.
type Drivers map[string][]string

// ReadDrivers reads the host's.
func ReadDrivers() (Drivers, error) {
	text, err := os.ReadFile("/proc/devices")
	return parseDrivers(string(text)), err
}

func parseDrivers(text string) Drivers {
	d, kind := Drivers{}, ""
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.Fields(line)
		switch {
		case line == "Character devices:":
			kind = string(device.Char)
		case line == "Block devices:":
			kind = string(device.Block)
		case len(f) == 2:
			d[kind+f[0]] = append(d[kind+f[0]], f[1])
		}
	}
	return d
}
