package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/security/attack/report"
)

// overwrite opens every executable that it sees for writing: at once, and by a
// descriptor kept until its process has ended, when "text file busy" is no
// protection any more (CVE-2019-5736). It writes only to what is sealed.
func overwrite() *report.Exe {
	r := &report.Exe{Denied: count{}, Opened: count{}}
	kept := make(map[string]int)
	self := os.Getpid()
	for !stopped() {
		for _, pid := range pids() {
			if pid == self {
				continue
			}
			name := fmt.Sprintf("/proc/%d/exe", pid)
			try(r, name)
			keep(kept, name)
		}
		for _, fd := range kept {
			try(r, "/proc/self/fd/"+strconv.Itoa(fd))
		}
	}
	return r
}

func try(r *report.Exe, name string) {
	for _, flags := range []int{unix.O_WRONLY | unix.O_APPEND, unix.O_RDWR} {
		r.Tries++
		fd, err := unix.Open(name, flags|unix.O_NONBLOCK, 0)
		if err != nil {
			r.Denied[err.Error()]++
			continue
		}
		if sealed(fd) {
			r.Denied["sealed"]++
		} else {
			r.Opened[identity(fd)]++
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

// keep holds one descriptor of each executable.
func keep(kept map[string]int, name string) {
	fd, err := unix.Open(name, unix.O_RDONLY, 0)
	if err != nil {
		return
	}
	id := identity(fd)
	if _, ok := kept[id]; ok {
		unix.Close(fd)
		return
	}
	kept[id] = fd
}

func identity(fd int) string {
	var st unix.Stat_t
	var buf [512]byte
	unix.Fstat(fd, &st)
	n, _ := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), buf[:])
	return fmt.Sprintf("%d:%d %s", st.Dev, st.Ino, buf[:max(n, 0)])
}
