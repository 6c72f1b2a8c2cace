package v2

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rung-oci/rung/cgroups/cgfile"
	"golang.org/x/sys/unix"
)

const subtree = "cgroup.subtree_control"

// controllers enables controllers for the children of parent, a path below base.
type controllers struct {
	base   cgfile.Dir
	parent string
	need   []cgfile.Write
}

// enable hands controllers down from base to the children of parent and returns
// those that arrived. It reads first and writes only what is missing: mostly
// everything was enabled by an earlier container, and the two reads suffice. A
// controller that can't be enabled is an error only if a limit needs it.
func (c *controllers) enable(everything bool) ([]string, error) {
	if !everything && len(c.need) == 0 {
		return nil, nil
	}
	text, err := c.base.Read("cgroup.controllers")
	if err != nil {
		return nil, err
	}
	want := strings.Fields(text)
	if !everything {
		want = slices.DeleteFunc(want, func(name string) bool { return !c.needs(name) })
	}
	text, err = c.base.Read(path.Join(c.parent, subtree))
	if err != nil {
		return nil, err
	}
	enabled := strings.Fields(text)
	if len(minus(want, enabled)) == 0 {
		return enabled, nil
	}
	return c.walk(want)
}

func (c *controllers) walk(want []string) ([]string, error) {
	dirs := []string{"."}
	if c.parent != "." {
		for i, r := range c.parent {
			if r == '/' {
				dirs = append(dirs, c.parent[:i])
			}
		}
		dirs = append(dirs, c.parent)
	}
	var enabled []string
	for _, dir := range dirs {
		var err error
		if enabled, err = c.enableIn(path.Join(dir, subtree), want); err != nil {
			return nil, err
		}
		// What a parent doesn't hand down its children can't.
		want = slices.DeleteFunc(want, func(name string) bool { return !slices.Contains(enabled, name) })
	}
	return enabled, nil
}

func (c *controllers) enableIn(file string, want []string) ([]string, error) {
	text, err := c.base.Read(file)
	if err != nil {
		return nil, err
	}
	enabled := strings.Fields(text)
	missing := minus(want, enabled)
	if len(missing) == 0 {
		return enabled, nil
	}
	if c.base.Write(file, "+"+strings.Join(missing, " +")) == nil {
		return append(enabled, missing...), nil
	}
	for _, name := range missing {
		switch err := c.enableOne(file, name); {
		case err == nil:
			enabled = append(enabled, name)
		case c.needs(name):
			return nil, err
		}
	}
	return enabled, nil
}

// enableOne retries EBUSY for a needed controller: a process may just be passing
// through the parent, which can't hold processes and hand controllers down.
func (c *controllers) enableOne(file, name string) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := c.base.Write(file, "+"+name)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || !c.needs(name) {
			return c.explain(name, err)
		}
		if wait > 16*time.Millisecond {
			return c.explain(name, fmt.Errorf("%w (the cgroup has processes of its own)", err))
		}
		time.Sleep(wait)
	}
}

func (c *controllers) explain(name string, err error) error {
	for _, w := range c.need {
		if w.Controller == name {
			return fmt.Errorf("%s: enable the %s controller: %w", w.Field, name, err)
		}
	}
	return err
}

// needs tells whether a limit can't be set without the controller.
func (c *controllers) needs(name string) bool {
	return slices.ContainsFunc(c.need, func(w cgfile.Write) bool { return w.Controller == name && !w.Unlimited })
}

func minus(all, without []string) []string {
	var rest []string
	for _, s := range all {
		if !slices.Contains(without, s) {
			rest = append(rest, s)
		}
	}
	return rest
}
