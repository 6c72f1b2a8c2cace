package cgfile

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Flat reads a flat keyed file, lines of a name and a number. It is nil when the
// file isn't there. Values that aren't numbers are left out.
func (d Dir) Flat(file string) (map[string]uint64, error) {
	text, err := d.Read(file)
	if err != nil {
		return nil, UnlessAbsent(err)
	}
	m := make(map[string]uint64)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			m[name] = n
		}
	}
	return m, nil
}

// Count is a number that a flat keyed file of a directory has; 0 if there is none.
func Count(path, file, key string) (n uint64, err error) {
	err = In(path, func(d Dir) error {
		m, err := d.Flat(file)
		n = m[key]
		return err
	})
	return n, err
}

// Numbers reads a line of numbers; none when the file isn't there.
func (d Dir) Numbers(file string) ([]uint64, error) {
	text, err := d.Read(file)
	if err != nil {
		return nil, UnlessAbsent(err)
	}
	var out []uint64
	for field := range strings.FieldsSeq(text) {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			break
		}
		out = append(out, n)
	}
	return out, nil
}

// List reads a list of ranges such as "0-2,7", as cpusets have.
func (d Dir) List(file string) ([]uint16, error) {
	text, err := d.Read(file)
	if err != nil {
		return nil, UnlessAbsent(err)
	}
	return ParseList(strings.TrimSpace(text)), nil
}

// ParseList is [Dir.List] for a text. What isn't a range is left out.
func ParseList(text string) (out []uint16) {
	for item := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(item, "-")
		if !ranged {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil {
			continue
		}
		for n := a; n <= b; n++ {
			out = append(out, uint16(n))
		}
	}
	return out
}

// UnlessAbsent returns the error unless it says that a file isn't there or isn't for
// reading here: a controller that is missing, accounting that is switched off.
func UnlessAbsent(err error) error {
	if Gone(err) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}
