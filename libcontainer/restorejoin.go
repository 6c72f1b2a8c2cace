package libcontainer

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/thread"
)

// enter moves a process to cgroups.
func enter(e *cgroups.Entry, pid int) error {
	text := []byte(strconv.Itoa(pid))
	if e.Unified >= 0 {
		procs, err := unix.Openat(e.Unified, "cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open cgroup.procs: %w", err)
		}
		_, err = fdio.Write(procs, text)
		unix.Close(procs)
		if err != nil {
			return fmt.Errorf("write cgroup.procs: %w", err)
		}
	}
	for _, fd := range e.Tasks {
		if _, err := fdio.Write(fd, text); err != nil {
			return fmt.Errorf("write tasks: %w", err)
		}
	}
	return nil
}

// cgroupRoots are the cgroups that CRIU is in, which are what was the container's cgroup.
func (r *restoration) cgroupRoots() (roots []criu.Pair, err error) {
	text, err := r.host.ReadFile(proc.PID(r.client.PID, "cgroup"), maxCgroupText)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3); len(f) == 3 {
			roots = append(roots, criu.Pair{Key: f[1], Value: f[2]})
		}
	}
	return roots, nil
}

// joinName is what CRIU calls a namespace that it can join; "" if it can't.
func joinName(flag int) string {
	switch flag {
	case unix.CLONE_NEWIPC:
		return "ipc"
	case unix.CLONE_NEWUTS:
		return "uts"
	case unix.CLONE_NEWUSER:
		return "user"
	case unix.CLONE_NEWTIME:
		return "time"
	}
	return ""
}

// joins are the namespaces by path that CRIU joins, by our descriptors of them.
func (r *restoration) joins() (list []criu.Pair, err error) {
	for i := range r.joined {
		switch flag := r.joined[i].flag; flag {
		case unix.CLONE_NEWNET, unix.CLONE_NEWPID: // see externals
		default:
			name := joinName(flag)
			if name == "" {
				return nil, fmt.Errorf("linux.namespaces: criu can't join a namespace of the type of %s", r.joined[i].path)
			}
			list = append(list, criu.Pair{Key: name, Value: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), r.joined[i].fd)})
		}
	}
	return list, nil
}

// network completes the network namespace of a process, in which CRIU has made nothing: lo is up, and parameters are those of the configuration.
func (r *restoration) network(pid int) error {
	net, err := unix.Openat(r.host.FD, proc.PID(pid, "ns/net"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open network namespace of container: %w", err)
	}
	defer unix.Close(net)
	return thread.Do(func() error { return r.inNetwork(net) })
}

func (r *restoration) inNetwork(net int) error {
	if err := unix.Setns(net, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("join network namespace of container: %w", err)
	}
	if err := bringUp("lo"); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(r.bundle.Spec.Linux.Sysctl)) {
		at, err := spec.SysctlPath(key)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(at, "net/") {
			continue // it is in the images
		}
		if err := r.host.WriteFile("sys/"+at, r.bundle.Spec.Linux.Sysctl[key]); err != nil {
			return fmt.Errorf("linux.sysctl[%q]: %w", key, err)
		}
	}
	return nil
}

func bringUp(device string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(device)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return err
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
