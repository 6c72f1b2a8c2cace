package systemd

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/godbus/dbus/v5"
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
		value, err := parse(text)
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

// parse reads a value. Some text without a meaning, such as int32 [], makes the
// library panic.
func parse(text string) (v dbus.Variant, err error) {
	if err := check(text); err != nil {
		return v, err
	}
	defer func() {
		if recover() != nil {
			err = errors.New("not a value")
		}
	}()
	return dbus.ParseVariant(text, dbus.Signature{})
}

// check refuses what the library doesn't come to an end with: other digits than
// ours, and dictionaries, each of which takes eight times as long as the one in
// it. No property is one.
func check(text string) error {
	var quote rune
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case quote != 0:
			escaped = r == '\\'
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == '{' || r > unicode.MaxASCII:
			return fmt.Errorf("unexpected %q", r)
		}
	}
	return nil
}

// microseconds converts a number of seconds.
func microseconds(v dbus.Variant) (dbus.Variant, error) {
	var s float64
	switch v := v.Value().(type) {
	case byte:
		s = float64(v)
	case int16:
		s = float64(v)
	case uint16:
		s = float64(v)
	case int32:
		s = float64(v)
	case uint32:
		s = float64(v)
	case int64:
		s = float64(v)
	case uint64:
		if v > math.MaxUint64/second {
			return dbus.Variant{}, fmt.Errorf("%d seconds are too many", v)
		}
		return dbus.MakeVariant(v * second), nil
	case float64:
		s = v
	default:
		return dbus.Variant{}, fmt.Errorf("%v is not a number of seconds", v)
	}
	if !(s >= 0 && s < math.MaxInt64/second) {
		return dbus.Variant{}, fmt.Errorf("%v is not a number of seconds", s)
	}
	return dbus.MakeVariant(uint64(math.Round(s * second))), nil
}
