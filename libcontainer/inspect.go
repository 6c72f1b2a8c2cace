package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/lsm"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spec"
)

// An Inspection is what the kernel says beside what the configuration asks for.
type Inspection struct {
	ID     string
	Status specs.ContainerState
	PID    int
	Rows   []InspectionRow
}

// Inspect asks the kernel about the init of a container, and sets that beside the configuration with the resources of the last update.
func (h *Container) Inspect() (*Inspection, error) {
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	defer c.close()
	f, err := c.facts()
	if err != nil {
		return nil, err
	}
	if !f.Alive {
		return nil, fmt.Errorf("inspect container %s: %w", h.id, errHasStopped)
	}
	b, err := c.configNow()
	if err != nil {
		return nil, err
	}
	pidfd, err := fdio.Of(c.pidfd())
	if errors.Is(err, unix.ESRCH) {
		return nil, fmt.Errorf("inspect container %s: %w", h.id, errHasStopped)
	}
	if err != nil {
		return nil, err
	}
	defer pidfd.Close()
	look := &inspector{c: c, pidfd: pidfd.FD(), found: inspect.Found{Started: !f.Gated, Page: uint64(os.Getpagesize()), Location: c.record.Cgroups}}
	err = look.all(b)
	// All this was the init's if that lives still: nobody else can have had its pid.
	if ended, aerr := fdio.Await(pidfd.FD(), time.Now()); aerr != nil {
		return nil, aerr
	} else if ended {
		err = errHasStopped
	}
	if err != nil {
		return nil, fmt.Errorf("inspect container %s: %w", h.id, err)
	}
	return &Inspection{ID: h.id, Status: f.Status(), PID: c.record.PID, Rows: inspect.Compare(b.Spec, &look.found)}, nil
}

var errHasStopped = errors.New("it has stopped, and nothing is left to look at")

// An inspector looks at a container's init.
type inspector struct {
	c     *container
	pidfd int
	found inspect.Found
}

// maxInitText bounds what is read of a file of the init's: a mountinfo of many mounts.
const maxInitText = 32 << 20

func (i *inspector) all(b *spec.Bundle) error {
	f, s, membership := &i.found, b.Spec, ""
	for _, file := range [...]struct {
		name string
		to   *string
	}{
		{"status", &f.Status},
		{"limits", &f.Limits},
		{"oom_score_adj", &f.OOMScore},
		{"uid_map", &f.UIDMap},
		{"gid_map", &f.GIDMap},
		{"setgroups", &f.Setgroups},
		{"cgroup", &membership},
	} {
		var err error
		if *file.to, err = i.text(file.name); err != nil {
			return err
		}
	}
	if membership != "" {
		layout, err := cgroups.Detect()
		if err != nil {
			return err
		}
		f.Within = layout.Of([]byte(membership))
		maps.DeleteFunc(f.Within, func(key, _ string) bool { // who made it had others mounted, or elsewhere
			return !strings.HasPrefix(f.Location[key], layout.Hierarchy(key).Mountpoint+"/")
		})
	}
	if err := i.mounts(b); err != nil {
		return err
	}
	f.OOMScore = strings.TrimSpace(f.OOMScore)
	own, err := i.c.host.ReadFile(proc.PID(os.Getpid(), "status"), maxInitText)
	if err != nil {
		return err
	}
	f.Filtered = inspect.Filtered(string(own))
	if err := i.labels(); err != nil {
		return err
	}
	if err := i.namespaces(s); err != nil {
		return err
	}
	if s.Linux != nil {
		i.cgroups(s.Linux.Resources)
	}
	return nil
}

// text reads a file of the init's. One that we may not read, or that the kernel doesn't have, is empty.
func (i *inspector) text(name string) (string, error) {
	text, err := i.c.host.ReadFile(proc.PID(i.c.record.PID, name), maxInitText)
	if unreadable(err) {
		return "", nil
	}
	return string(text), err
}

func unreadable(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL)
}

// labels reads those of the security modules that this host has.
func (i *inspector) labels() (err error) {
	for _, l := range [...]struct {
		there bool
		file  string
		to    *string
	}{{appArmor(i.c.host) != "", "attr/apparmor/current", &i.found.AppArmor}, {lsm.SELinux(), "attr/current", &i.found.SELinux}} {
		if !l.there {
			continue
		}
		if *l.to, err = i.text(l.file); err != nil {
			return err
		}
		*l.to = strings.TrimRight(*l.to, "\x00\n")
	}
	return nil
}

// namespaces finds out which ones the init is in, which we, and which are at the paths of the configuration.
func (i *inspector) namespaces(s *specs.Spec) error {
	timeFile := "time"
	if !i.found.Started {
		timeFile = "time_for_children" // it comes there by its execve
	}
	theirs, err := i.inodes(i.c.record.PID, timeFile)
	if err != nil {
		return err
	}
	ours, err := i.inodes(os.Getpid(), "time")
	if err != nil {
		return err
	}
	i.found.Namespaces = map[string]inspect.Namespace{}
	for name, ino := range theirs {
		i.found.Namespaces[name] = inspect.Namespace{Inode: ino, Ours: ours[name]}
	}
	for name, path := range inspect.NamespacePaths(s) {
		var st unix.Stat_t
		if ns, ok := i.found.Namespaces[name]; ok && unix.Stat(path, &st) == nil {
			ns.Named = st.Ino
			i.found.Namespaces[name] = ns
		}
	}
	return nil
}

// inodes are the namespaces of a process, by their names in /proc/PID/ns; the time namespace is that of another file.
func (i *inspector) inodes(pid int, timeFile string) (map[string]uint64, error) {
	dir, err := i.c.host.OpenFile(proc.PID(pid, "ns"), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	all := map[string]uint64{}
	for _, name := range [...]string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		file, buf := name, make([]byte, 64)
		if name == "time" {
			file = timeFile
		}
		n, err := unix.Readlinkat(dir, file, buf)
		if unreadable(err) {
			continue
		}
		if err == nil {
			all[name], err = strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(string(buf[:n]), name+":["), "]"), 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("read link /proc/%s: %w", proc.PID(pid, "ns/"+file), err)
		}
	}
	return all, nil
}

// cgroups reads the files that the resources have values for.
func (i *inspector) cgroups(r *specs.LinuxResources) {
	for _, l := range choose.Limits(cgroups.Location(i.c.record.Cgroups), r) {
		c := inspect.Cgroup{Write: l.Write}
		text, err := cgfile.Text(l.Dir + "/" + l.File)
		if errors.Is(err, unix.ENOENT) && l.Or != nil {
			c.Write = *l.Or
			text, err = cgfile.Text(l.Dir + "/" + l.Or.File)
		}
		if c.Text = text; err != nil {
			c.Err = err.Error()
		}
		i.found.Cgroups = append(i.found.Cgroups, c)
	}
}
