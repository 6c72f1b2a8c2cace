package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/security/attack/report"
)

const tiocsti, tioclinux = 0x5412, 0x541c

// inject pushes a key into the terminal on stdin and into the controlling one
// (CVE-2016-10124), and pastes on a virtual console.
func inject() *report.Type {
	sid, _ := unix.Getsid(0)
	r := &report.Type{Stdin: push(0, tiocsti), Paste: push(0, tioclinux), SID: sid, PID: os.Getpid()}
	fd, err := unix.Open("/dev/tty", unix.O_RDWR, 0)
	if err != nil {
		r.TTY = err.Error()
		return r
	}
	r.TTY = push(fd, tiocsti)
	return r
}

func push(fd int, request uintptr) string {
	key := [4]byte{'x'}
	if request == tioclinux {
		key[0] = 3 // TIOCL_PASTESEL
	}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&key))); e != 0 {
		return e.Error()
	}
	return "ok"
}
