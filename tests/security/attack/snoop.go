package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/security/attack/report"
)

// snooper looks at processes as fast as it can.
type snooper struct {
	report.Snoop
	target string
	seen   map[string]*victim // pid and start time
}

// A victim is one process.
type victim struct {
	pid   int
	dir   string
	key   string
	early bool // was seen before its execve
	after bool // was seen after it
}

func snoop(target string) *report.Snoop {
	s := &snooper{target: target, seen: make(map[string]*victim)}
	s.Comms, s.Lines, s.Denied, s.Stolen, s.After = count{}, count{}, count{}, count{}, count{}
	self := os.Getpid()
	for !stopped() {
		for _, pid := range pids() {
			if pid != self {
				s.look(pid)
			}
		}
	}
	return &s.Snoop
}

type count = map[string]int

// met tells the test how many processes were seen, by our name: there is nothing to write to.
func met(n int) {
	name, err := unix.ByteSliceFromString("met " + strconv.Itoa(n))
	if err == nil {
		_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0)
	}
}

func stopped() bool { return unix.Access("/tmp/stop", unix.F_OK) == nil }

var listing = make([]byte, 32768)

func pids() (list []int) {
	fd, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var names []string
	for {
		n, err := unix.ReadDirent(fd, listing)
		if err != nil || n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(listing[:n], -1, names)
	}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

func read(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// start is the state and start time in a stat line.
func start(stat []byte) (state, at string) {
	i := bytes.LastIndexByte(stat, ')')
	f := strings.Fields(string(stat[max(i, 0):]))
	if len(f) < 21 {
		return "X", ""
	}
	return f[1], f[20]
}

func (s *snooper) look(pid int) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := read(dir + "/stat")
	if err != nil {
		return
	}
	state, at := start(stat)
	if state == "Z" || state == "X" {
		return
	}
	key := dir + " " + at
	v := s.seen[key]
	if v == nil {
		v = &victim{pid: pid, dir: dir, key: key}
		s.seen[key] = v
	}
	comm := s.comm(v)
	if comm == "" {
		return
	}
	if comm == s.target {
		if !v.after {
			v.after = true
			s.all(v, func(op, _ string, err error) {
				if err == nil {
					s.After[op]++
				}
			})
		}
		return
	}
	if !v.early {
		v.early = true
		s.Tasks++
		met(s.Tasks)
		s.Comms[comm]++
	}
	s.Looks++
	s.plain(v)
	s.all(v, func(op, what string, err error) { s.record(v, op, what, err) })
}

func (s *snooper) comm(v *victim) string {
	b, err := read(v.dir + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// record counts a refusal, or a success if the process is still not the
// program afterwards and what was got isn't the program's.
func (s *snooper) record(v *victim, op, what string, err error) {
	switch {
	case err == unix.ENOENT || err == unix.ESRCH || err == unix.EBADF:
	case err != nil:
		s.Denied[op]++
	default:
		if comm := s.comm(v); comm != "" && comm != s.target {
			s.Stolen[op+": "+what]++
		}
	}
}

// plain is what everybody may see.
func (s *snooper) plain(v *victim) {
	fd, err := unix.Open(v.dir+"/task", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err == nil {
		n, _ := unix.ReadDirent(fd, listing)
		_, threads, _ := unix.ParseDirent(listing[:max(n, 0)], -1, nil)
		s.Threads = max(s.Threads, threads)
		unix.Close(fd)
	}
	line, err := read(v.dir + "/cmdline")
	if err == nil && s.comm(v) != s.target {
		s.Lines[strings.TrimRight(string(line), "\x00")]++
	}
}

type tell func(op, what string, err error)

// all tries every way into a process.
func (s *snooper) all(v *victim, tell tell) {
	for _, name := range []string{"exe", "cwd", "root"} {
		var buf [512]byte
		n, err := unix.Readlink(v.dir+"/"+name, buf[:])
		tell("readlink "+name, string(buf[:max(n, 0)]), err)
	}
	for _, name := range []string{"environ", "mem", "maps", "exe", "root/", "cwd/", "auxv", "stack", "syscall", "personality"} {
		fd, err := unix.Open(v.dir+"/"+name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
		what := ""
		if err == nil {
			what, err = content(fd, name)
			unix.Close(fd)
		}
		tell("open "+name, what, err)
	}
	s.fds(v, tell)
	s.pidfd(v, tell)
	s.seize(v, tell)
}

// content makes sure that an opened file gives something: an environ is opened
// by everybody, and empty.
func content(fd int, name string) (string, error) {
	var buf [256]byte
	switch name {
	case "environ", "maps", "auxv", "stack", "syscall", "personality":
		n, err := unix.Read(fd, buf[:])
		if err == nil && n == 0 {
			err = unix.EACCES
		}
		return string(buf[:max(n, 0)]), err
	}
	n, _ := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), buf[:])
	return string(buf[:max(n, 0)]), nil
}

func (s *snooper) fds(v *victim, tell tell) {
	for n := range 64 {
		name := v.dir + "/fd/" + strconv.Itoa(n)
		var buf [512]byte
		got, err := unix.Readlink(name, buf[:])
		tell("readlink fd", string(buf[:max(got, 0)]), err)
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			unix.Close(fd)
		}
		tell("open fd", string(buf[:max(got, 0)]), err)
	}
}

func (s *snooper) pidfd(v *victim, tell tell) {
	pidfd, err := unix.PidfdOpen(v.pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(pidfd)
	for n := range 64 {
		fd, err := unix.PidfdGetfd(pidfd, n, 0)
		what := ""
		if err == nil {
			what, _ = content(fd, "")
			unix.Close(fd)
		}
		tell("pidfd_getfd", what, err)
	}
}

// seize traces the process; stopped it can say for sure what it is.
func (s *snooper) seize(v *victim, tell tell) {
	if _, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(v.pid), 0, 0, 0, 0); e != 0 {
		tell("ptrace", "", e)
		return
	}
	unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_INTERRUPT, uintptr(v.pid), 0, 0, 0, 0)
	var ws unix.WaitStatus
	if _, err := unix.Wait4(v.pid, &ws, unix.WALL, nil); err == nil && ws.Stopped() {
		// In the way that every architecture has.
		const generalRegisters = 1 // NT_PRSTATUS
		registers := make([]byte, 1024)
		room := unix.Iovec{Base: &registers[0]}
		room.SetLen(len(registers))
		_, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GETREGSET, uintptr(v.pid), generalRegisters, uintptr(unsafe.Pointer(&room)), 0, 0)
		tell("ptrace", "stopped", errno(e))
		sig := uintptr(0)
		if ws.StopSignal() != unix.SIGTRAP {
			sig = uintptr(ws.StopSignal())
		}
		unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(v.pid), 0, sig, 0, 0)
	}
}

func errno(e unix.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
