// Package resctrl puts containers into classes of service and monitoring groups
// of the kernel's resctrl file system (linux.intelRdt of the runtime-spec;
// Documentation/filesystems/resctrl.rst of the kernel).
//
// A class is a directory at the top of the file system, a monitoring group one
// in the class's mon_groups. Writing a pid to a directory's tasks moves that
// process; its children follow it.
package resctrl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// ErrNotMounted says that the host has no resctrl file system for us to see.
var ErrNotMounted = errors.New("no resctrl file system is mounted")

// Root returns the mount point of the resctrl file system, or [ErrNotMounted].
func Root() (string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	return find(string(text))
}

// find looks for a resctrl file system that is mounted as a whole. The last mount
// is the one that can be seen, where there are several at one place.
func find(mountinfo string) (string, error) {
	point := ""
	for line := range strings.Lines(mountinfo) {
		left, right, _ := strings.Cut(line, " - ")
		fields := strings.Fields(left)
		if strings.HasPrefix(right, "resctrl ") && len(fields) >= 6 && fields[3] == "/" {
			point = fields[4]
		}
	}
	if point == "" {
		return "", ErrNotMounted
	}
	return point, nil
}

// A Group is where a container is.
type Group struct {
	Class   string // directory of its class of service
	Monitor string // directory of its monitoring group; "": none
	Own     bool   // the class is made for the container alone, and goes with it
	joined  bool   // the class was there before
}

// Plan decides where the container is to be. Nothing is changed.
func Plan(root, id string, want *specs.LinuxIntelRdt) (*Group, error) {
	g := &Group{}
	switch want.ClosID {
	case "":
		g.Class = filepath.Join(root, id)
	case "/":
		g.Class = root
	default:
		g.Class = filepath.Join(root, want.ClosID)
	}
	switch err := unix.Access(g.Class, unix.F_OK); {
	case err == nil:
		g.joined = true
	case err != unix.ENOENT:
		return nil, fmt.Errorf("look for %s: %w", g.Class, err)
	case want.ClosID != "" && len(schemas(want)) == 0:
		return nil, fmt.Errorf("class of service %q does not exist, and has no schema to be made with", want.ClosID)
	}
	g.Own = want.ClosID == "" && !g.joined
	if want.EnableMonitoring {
		g.Monitor = filepath.Join(g.Class, "mon_groups", id)
	}
	return g, nil
}

// mkdir and rmdir are the kernel's; the tests' fake file system needs its own.
var (
	mkdir = func(dir string) error { return unix.Mkdir(dir, 0o755) }
	rmdir = unix.Rmdir
)

// Make makes what of the group is missing, and writes the schemas. A class that
// was there must have the same ones already. On failure nothing is left of it.
func (g *Group) Make(want *specs.LinuxIntelRdt) (err error) {
	if g.joined {
		if err := g.compare(want.L3CacheSchema, want.MemBwSchema); err != nil {
			return err
		}
	} else {
		if err := mkdir(g.Class); err != nil {
			return fmt.Errorf("make class of service %s: %w", g.Class, g.explain(err))
		}
		defer func() {
			if err != nil {
				rmdir(g.Class)
			}
		}()
	}
	if err := g.write(schemas(want)...); err != nil {
		return err
	}
	if g.Monitor == "" {
		return nil
	}
	if err := mkdir(g.Monitor); err != nil {
		return fmt.Errorf("make monitoring group %s: %w", g.Monitor, g.explain(err))
	}
	return nil
}

// Undo takes back what Make did, before there is a container to use it.
func (g *Group) Undo() {
	_ = g.Remove()
	if !g.joined {
		rmdir(g.Class)
	}
}

// Remove removes what was made for the container alone; nothing for nil.
func (g *Group) Remove() error {
	if g == nil {
		return nil
	}
	if g.Monitor != "" {
		if err := rmdir(g.Monitor); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove monitoring group %s: %w", g.Monitor, err)
		}
	}
	if g.Own {
		if err := rmdir(g.Class); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove class of service %s: %w", g.Class, err)
		}
	}
	return nil
}

// Made are the directories that Remove would remove, as far as they are there; none for nil.
func (g *Group) Made() (dirs []string) {
	if g == nil {
		return nil
	}
	if g.Monitor != "" && unix.Access(g.Monitor, unix.F_OK) == nil {
		dirs = append(dirs, g.Monitor)
	}
	if g.Own && unix.Access(g.Class, unix.F_OK) == nil {
		dirs = append(dirs, g.Class)
	}
	return dirs
}

// Dirs are the directories that a process enters, in this order, by writing 0 to
// their tasks.
func (g *Group) Dirs() []string {
	if g == nil {
		return nil
	}
	if g.Monitor == "" {
		return []string{g.Class}
	}
	return []string{g.Class, g.Monitor}
}

// Tasks opens the tasks of Dirs for writing. They are the caller's.
func (g *Group) Tasks() (fds []int, err error) {
	for _, dir := range g.Dirs() {
		fd, err := unix.Open(filepath.Join(dir, "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			return nil, fmt.Errorf("open %s/tasks: %w", dir, err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// Set changes the schemas of a container that exists. Each may be empty.
func (g *Group) Set(l3, memoryBandwidth string) error {
	return g.write(schemas(&specs.LinuxIntelRdt{L3CacheSchema: l3, MemBwSchema: memoryBandwidth})...)
}

// write writes lines to the class's schemata. The kernel takes one after another.
func (g *Group) write(lines ...string) error {
	for _, line := range lines {
		if err := writeFile(filepath.Join(g.Class, "schemata"), line+"\n"); err != nil {
			return fmt.Errorf("write schema %q to %s: %w", line, g.Class, g.explain(err))
		}
	}
	return nil
}

// explain adds what the kernel says of the operation that has just failed.
func (g *Group) explain(err error) error {
	root := g.Class
	for ; root != "/" && unix.Access(filepath.Join(root, "info"), unix.F_OK) != nil; root = filepath.Dir(root) {
	}
	text, rerr := os.ReadFile(filepath.Join(root, "info/last_cmd_status"))
	if status := strings.TrimSpace(string(text)); rerr == nil && status != "" && status != "ok" {
		return fmt.Errorf("%w (%s)", err, status)
	}
	return err
}

// writeFile writes to a file that exists, in one system call. The kernel takes no more than a page at once.
func writeFile(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	n, err := fdio.Write(fd, []byte(text))
	if err == nil && n != len(text) {
		err = unix.E2BIG
	}
	return err
}
