package cgfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Write is one value for one cgroup file: what the pure functions that turn
// resources into work return.
type Write struct {
	// Controller is the one that owns the file.
	Controller string
	// File is a name inside the cgroup directory.
	File string
	// Value goes into a single write(2), without a newline.
	Value string
	// Field is the configuration field that asked for it.
	Field string
	// Unlimited says that the value takes a limit away, so that a host without
	// the controller fulfils it already.
	Unlimited bool
	// Optional says that a kernel without the file fulfils it already.
	Optional bool
	// Reset says that the value is what a new cgroup has: it is written only to
	// one that was there before.
	Reset bool
	// Or is what to write if there is no such file.
	Or *Write
	// Impossible says why the field can't be had here at all; nothing is written.
	Impossible string
	// Ignorable says why the field may be ignored, with a warning, where there is no
	// such file or its controller is missing. Without a File none has one.
	Ignorable string
}

// String prints a write on one line: controller, file=value, field, and what
// else is to be known of it.
func (w Write) String() string {
	if w.Impossible != "" {
		return fmt.Sprintf("%s %s: %s", w.Controller, w.Field, w.Impossible)
	}
	if w.Ignorable != "" && w.File == "" {
		return fmt.Sprintf("%s %s: ignored, %s", w.Controller, w.Field, w.Ignorable)
	}
	words := []string{w.Controller, w.File + "=" + w.Value, w.Field}
	if w.Unlimited {
		words = append(words, "unlimited")
	}
	if w.Optional {
		words = append(words, "optional")
	}
	if w.Reset {
		words = append(words, "reset")
	}
	if w.Or != nil {
		words = append(words, "or "+w.Or.File+"="+w.Or.Value)
	}
	if w.Ignorable != "" {
		words = append(words, "or ignored, "+w.Ignorable)
	}
	return strings.Join(words, " ")
}

// Possible returns the error of the first write that can't be had.
func Possible(writes []Write) error {
	for i := range writes {
		if w := &writes[i]; w.Impossible != "" {
			return fmt.Errorf("%s: %s", w.Field, w.Impossible)
		}
	}
	return nil
}

// Fresh returns the writes that a new cgroup needs.
func Fresh(writes []Write) []Write {
	return slices.DeleteFunc(slices.Clone(writes), func(w Write) bool { return w.Reset })
}

// Final returns the writes that a living cgroup needs: a reset is left out where
// the same file gets a value later, as nothing must be unlimited meanwhile.
func Final(writes []Write) []Write {
	var out []Write
	for i, w := range writes {
		if !w.Reset || !slices.ContainsFunc(writes[i+1:], func(o Write) bool { return o.File == w.File }) {
			out = append(out, w)
		}
	}
	return out
}

// Arrange returns the writes with those to the given files in this order, where
// the first of them was.
func Arrange(writes []Write, files ...string) []Write {
	var out, moved []Write
	at := -1
	for _, w := range writes {
		if !slices.Contains(files, w.File) {
			out = append(out, w)
			continue
		}
		if at < 0 {
			at = len(out)
		}
		moved = append(moved, w)
	}
	if at < 0 {
		return out
	}
	slices.SortStableFunc(moved, func(a, b Write) int { return slices.Index(files, a.File) - slices.Index(files, b.File) })
	return slices.Insert(out, at, moved...)
}

// Write puts a value into a file below d with one write(2).
func (d Dir) Write(file, value string) error {
	return d.Apply([]Write{{File: file, Value: value}})
}

// Chown gives a file below d to a user and a group.
func (d Dir) Chown(file string, uid, gid int) error {
	fd, err := d.OpenFile(file, unix.O_RDONLY|unix.O_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("give %s to user %d: %w", d.join(file), uid, err)
	}
	return nil
}

// Apply does the writes in order and stops at the first that fails. Writes to
// the same file in a row share a descriptor. The error names the value and the file.
func (d Dir) Apply(writes []Write) error {
	fd, open := -1, ""
	defer func() {
		if fd >= 0 {
			unix.Close(fd)
		}
	}()
	for _, w := range writes {
		if w.File != open {
			if fd >= 0 {
				unix.Close(fd)
			}
			var err error
			fd, err = openat2(d.fd, w.File, unix.O_WRONLY, below)
			if errors.Is(err, unix.ENOENT) && w.Or != nil {
				w = *w.Or
				fd, err = openat2(d.fd, w.File, unix.O_WRONLY, below)
			}
			if open = w.File; errors.Is(err, unix.ENOENT) && (w.Optional || w.Ignorable != "") {
				open = ""
				continue
			}
			if err != nil {
				return d.writeError(w, err)
			}
		}
		if err := write(fd, w.Value); err != nil {
			return d.writeError(w, err)
		}
	}
	return nil
}

// WriteError says which write failed, and where.
type WriteError struct {
	Write
	Path string // of the file
	Err  error
}

func (e *WriteError) Error() string {
	text := fmt.Sprintf("write %q to %s: %v", e.Value, e.Path, e.Err)
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	return text
}

// Unwrap returns the errno.
func (e *WriteError) Unwrap() error { return e.Err }

func (d Dir) writeError(w Write, err error) error { return &WriteError{w, d.join(w.File), err} }
