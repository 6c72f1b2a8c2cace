package systemd

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/rung-oci/rung/cgroups/systemd/dbus"
)

// AnnotationPrefix begins the name of an annotation that sets a property, to a
// value in GVariant's text format.
const AnnotationPrefix = "org.systemd.property."

// ours are the properties that decide where the container is, and who is in it.
var ours = []string{"PIDs", "Slice"}

// Annotated are the properties that a configuration's annotations set, sorted by
// name. One whose name ends in Sec, as in unit files, is in seconds and becomes
// that of systemd's interface, in µs. Errors name the annotation.
func Annotated(annotations map[string]string) (list []Property, err error) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, AnnotationPrefix)
		if !ok {
			continue
		}
		if err := checkProperty(name); err != nil {
			return nil, fmt.Errorf("annotation %s name incorrect: %w", key, err)
		}
		text := annotations[key]
		value, err := dbus.Parse(text)
		if err == nil && strings.HasSuffix(name, "Sec") && !strings.HasSuffix(name, "USec") {
			name = strings.TrimSuffix(name, "Sec") + "USec"
			value, err = microseconds(value)
		}
		if err != nil {
			return nil, fmt.Errorf("annotation %s=%s value parse error: %w", key, text, err)
		}
		list = append(list, Property{name, value})
	}
	return list, nil
}

func checkProperty(name string) error {
	bad := func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }
	switch {
	case len(name) < 3 || strings.ContainsFunc(name, bad):
		return fmt.Errorf("%q is not made of three letters or more", name)
	case slices.Contains(ours, name):
		return fmt.Errorf("%s is not for a container to choose", name)
	}
	return nil
}

// microseconds converts a number of seconds.
func microseconds(v dbus.Value) (dbus.Value, error) {
	var s float64
	switch v := v.(type) {
	case dbus.Byte:
		s = float64(v)
	case dbus.Int16:
		s = float64(v)
	case dbus.Uint16:
		s = float64(v)
	case dbus.Int32:
		s = float64(v)
	case dbus.Uint32:
		s = float64(v)
	case dbus.Int64:
		s = float64(v)
	case dbus.Uint64:
		if v > math.MaxUint64/second {
			return nil, fmt.Errorf("%d seconds are too many", v)
		}
		return v * second, nil
	case dbus.Double:
		s = float64(v)
	default:
		return nil, fmt.Errorf("%s is not a number of seconds", v)
	}
	if !(s >= 0 && s < math.MaxInt64/second) {
		return nil, fmt.Errorf("%v is not a number of seconds", s)
	}
	return dbus.Uint64(math.Round(s * second)), nil
}
