package cgfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Changes writes to files of one or several cgroups, and can take all of it
// back.
type Changes struct {
	done []change
	dirs []Dir
}

// change is a value that was replaced, and where.
type change struct {
	dir Dir
	was Write
}

// Open opens a directory, like [OpenDir], until Close.
func (c *Changes) Open(path string) (Dir, error) {
	d, err := OpenDir(path)
	if err == nil {
		c.dirs = append(c.dirs, d)
	}
	return d, err
}

// Close closes the directories. What was done can't be taken back any more.
func (c *Changes) Close() {
	for _, d := range c.dirs {
		d.Close()
	}
	c.done, c.dirs = nil, nil
}

// Apply does the writes in order and stops at the first that fails, with an
// error as [Dir.Apply] gives it.
func (c *Changes) Apply(d Dir, writes []Write) error {
	for _, w := range writes {
		err := c.apply(d, w)
		if errors.Is(err, unix.ENOENT) && w.Or != nil {
			w = *w.Or
			err = c.apply(d, w)
		}
		if errors.Is(err, unix.ENOENT) && (w.Optional || w.Ignorable != "") {
			continue
		}
		if err != nil {
			return d.writeError(w, err)
		}
	}
	return nil
}

func (c *Changes) apply(d Dir, w Write) error {
	fd, err := openat2(d.fd, w.File, unix.O_WRONLY, below)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	was := Write{File: w.File, Field: w.Field}
	if text, err := d.Read(w.File); err != nil {
		was.Impossible = "the file can't be read"
	} else if value, ok := Before(w, text); ok {
		was.Value = value
	} else {
		was.Impossible = "nothing is known that takes the value back"
	}
	if err := write(fd, w.Value); err != nil {
		return err
	}
	c.done = append(c.done, change{d, was})
	return nil
}

// Undo takes back what was done, last thing first: so every step leads to values
// that the kernel had taken together. The error names all that couldn't be.
func (c *Changes) Undo() error {
	var failed []error
	for _, u := range slices.Backward(c.done) {
		err := Possible([]Write{u.was})
		if err == nil {
			err = u.dir.Write(u.was.File, u.was.Value)
		}
		if err != nil && !Gone(err) {
			failed = append(failed, err)
		}
	}
	c.done = nil
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("taking back %d of the changes failed: %w", len(failed), errors.Join(failed...))
}

// Before returns the value that takes a write back, given what its file said
// before. It reports false when the text doesn't tell: the file is one with a
// line for each device, none is there for this one, and how to take a line away
// isn't known.
func Before(w Write, text string) (string, bool) {
	text = strings.TrimSuffix(text, "\n")
	if w.File == "memory.oom_control" {
		return Stat(text, "oom_kill_disable")
	}
	key, rest, _ := strings.Cut(w.Value, " ")
	if !w.Keyed() {
		if line, ok := Stat(text, "default"); ok && strings.Contains(w.File, "weight") {
			return "default " + line, true
		}
		if text == "" {
			return "\n", true // an empty list, which nothing but a newline writes
		}
		return text, !strings.Contains(text, "\n")
	}
	if line, ok := Stat(text, key); ok {
		return key + " " + line, true
	}
	value, ok := absent(w.File, rest)
	return key + " " + value, ok
}

// Keyed tells whether the value is for one line of a file that has a line for each device or interface.
func (w Write) Keyed() bool {
	key, _, more := strings.Cut(w.Value, " ")
	return more && (strings.Contains(key, ":") || linesByName(w.File))
}

// linesByName tells whether a file has lines that begin with a name.
func linesByName(file string) bool {
	return file == "rdma.max" || file == "net_prio.ifpriomap" || file == "misc.max"
}

// absent is what to write for a device that had no line.
func absent(file, written string) (string, bool) {
	switch {
	case file == "io.max", file == "rdma.max":
		var limits []string
		for limit := range strings.FieldsSeq(written) {
			name, _, _ := strings.Cut(limit, "=")
			limits = append(limits, name+"=max")
		}
		return strings.Join(limits, " "), true
	case file == "io.weight":
		return "default", true
	case file == "io.latency":
		return "target=0", true
	case strings.HasPrefix(file, "blkio.throttle."), strings.HasSuffix(file, "weight_device"), file == "io.bfq.weight":
		return "0", true
	}
	return "", false
}
