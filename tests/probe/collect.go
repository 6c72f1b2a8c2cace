package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/report"
)

// openFDs reads /proc/self/fd without package os, whose poller opens two of its own.
func openFDs() map[int]string {
	fds := make(map[int]string)
	dir, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fds
	}
	defer unix.Close(dir)
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err != nil || n <= 0 {
			return fds
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			fd, err := strconv.Atoi(name)
			if err != nil || fd == dir {
				continue
			}
			link, err := os.Readlink("/proc/self/fd/" + name)
			if err != nil {
				link = err.Error()
			}
			fds[fd] = link
		}
	}
}

func collect() *report.Report {
	r := &report.Report{
		Args: os.Args, Env: os.Environ(),
		PID: os.Getpid(), PPID: os.Getppid(), PGID: unix.Getpgrp(),
		Status:     status(),
		Namespaces: make(map[string]string),
		Mounts:     report.ParseMounts(read("/proc/self/mountinfo")),
		Cgroup:     strings.Split(strings.TrimSpace(read("/proc/self/cgroup")), "\n"),
		OOMScore:   strings.TrimSpace(read("/proc/self/oom_score_adj")),
		Label:      strings.TrimRight(read("/proc/self/attr/current"), "\x00\n"),
		TimeOffset: read("/proc/self/timens_offsets"),
		TTY:        terminal(),
	}
	r.Cwd, _ = unix.Getwd()
	r.SID, _ = unix.Getsid(0)
	r.UID[0], r.UID[1], r.UID[2] = unix.Getresuid()
	r.GID[0], r.GID[1], r.GID[2] = unix.Getresgid()
	r.Groups, _ = unix.Getgroups()
	r.Umask = unix.Umask(0)
	unix.Umask(r.Umask)
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		r.Namespaces[ns], _ = os.Readlink("/proc/self/ns/" + ns)
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		r.Hostname, r.Domainname = unix.ByteSliceToString(u.Nodename[:]), unix.ByteSliceToString(u.Domainname[:])
	}
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err == nil {
		r.Nice = 20 - nice // the system call answers 20 minus the nice value
	}
	r.Affinity = affinity()
	r.Keyring = keyring()
	return r
}

func affinity() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var cpus []int
	for cpu := range 1024 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

func keyring() string {
	text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		return err.Error()
	}
	return text
}

func status() map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(read("/proc/self/status")) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			m[key] = strings.TrimSpace(value)
		}
	}
	return m
}

func read(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data)
}

func terminal() *report.TTY {
	ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	tty := &report.TTY{Rows: int(ws.Row), Cols: int(ws.Col)}
	tty.Name, _ = os.Readlink("/proc/self/fd/0")
	var st unix.Stat_t
	if unix.Fstat(0, &st) == nil {
		tty.UID, tty.GID, tty.Mode = int(st.Uid), int(st.Gid), st.Mode&0o7777
	}
	if fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
		tty.Controlling = true
		unix.Close(fd)
	}
	return tty
}
