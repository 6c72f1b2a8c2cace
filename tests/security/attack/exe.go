package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/security/attack/report"
)

// overwrite opens every executable that it sees for writing: at once, and by a
// descriptor kept until its process has ended, when "text file busy" is no
// protection any more (CVE-2019-5736). It writes only to what is sealed.
func overwrite() *report.Exe {
	r := &report.Exe{Closed: count{}, Outcomes: map[string]map[string]int{}}
	k := &keeper{files: make(map[string]int), names: count{}}
	self := os.Getpid()
	for !stopped() {
		for _, pid := range pids() {
			if pid == self {
				continue
			}
			// A path of one object for good: by its name it could become the next program.
			fd, err := unix.Open(fmt.Sprintf("/proc/%d/exe", pid), unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				comm, _ := read(fmt.Sprintf("/proc/%d/comm", pid))
				r.Closed[outcome(err)+" "+strings.TrimSpace(string(comm))]++
				continue
			}
			try(r, fd)
			k.keep(fd)
		}
		for _, fd := range k.files {
			try(r, fd)
		}
	}
	return r
}

func outcome(err error) string {
	if errno, ok := err.(unix.Errno); ok {
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func try(r *report.Exe, object int) {
	name := link(object)
	if r.Outcomes[name] == nil {
		r.Outcomes[name] = count{}
	}
	for _, flags := range []int{unix.O_WRONLY | unix.O_APPEND, unix.O_RDWR} {
		r.Tries++
		fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(object), flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		switch {
		case err != nil:
			r.Outcomes[name][outcome(err)]++
			continue
		case sealed(fd):
			r.Outcomes[name]["sealed"]++
		default:
			r.Outcomes[name]["open"]++
		}
		unix.Close(fd)
	}
}

// sealed tells whether nothing can be written to fd: it is memory with seals that
// keep both its text and themselves.
func sealed(fd int) bool {
	const wanted = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || seals&wanted != wanted {
		return false
	}
	_, err = unix.Pwrite(fd, []byte{0}, 0)
	return err == unix.EPERM && unix.Ftruncate(fd, 0) == unix.EPERM
}

// A keeper holds descriptors of executables, few of each name: some are big, and in
// memory.
type keeper struct {
	files map[string]int // device and inode → descriptor
	names count
}

func (k *keeper) keep(fd int) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	id, name := fmt.Sprint(st.Dev, ":", st.Ino), link(fd)
	if _, held := k.files[id]; err != nil || held || k.names[name] == 8 {
		unix.Close(fd)
		return
	}
	k.files[id] = fd
	k.names[name]++
}

// link is the path of what fd leads to, as far as this process can see one.
func link(fd int) string {
	var buf [512]byte
	n, _ := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), buf[:])
	return string(buf[:max(n, 0)])
}
