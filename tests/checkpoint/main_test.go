// Package checkpoint dumps containers and makes them again, beside runc. It needs CRIU on a kernel that
// it knows: make test-vm PKG=checkpoint.
package checkpoint

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "helper" {
		help(os.Args[2])
	}
	if len(os.Args) > 1 && os.Args[1] == "swrk" { // a CRIU that hangs
		time.Sleep(time.Hour)
	}
	harness.Main(m)
}

// program has the container run this test as a helper.
func program(what string) harness.Edit { return harness.Args("/bin/helper", "helper", what) }

// help is what containers run that a shell can't do. It counts in /data/n.
func help(what string) {
	count := func(i int) error { return os.WriteFile("/data/n", fmt.Append(nil, i, "\n"), 0o644) }
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	switch what {
	case "lock":
		fd, err := unix.Open("/data/lock", unix.O_RDWR|unix.O_CREAT, 0o600)
		check(err)
		check(unix.Flock(fd, unix.LOCK_EX))
	case "tcp": // what is counted has been through a connection
		var config net.ListenConfig
		config.SetMultipathTCP(false) // which CRIU doesn't know
		l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:4000")
		check(err)
		out, err := net.Dial("tcp", l.Addr().String())
		check(err)
		in, err := l.Accept()
		check(err)
		for i := 1; ; i++ {
			_, err := fmt.Fprintln(out, i)
			check(err)
			n := 0
			_, err = fmt.Fscanln(in, &n)
			check(err)
			check(count(n))
			time.Sleep(50 * time.Millisecond)
		}
	case "uring":
		var params [120]byte
		_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&params[0])), 0)
		if errno != 0 {
			check(errno)
		}
	case "secret":
		_, _, errno := unix.Syscall(unix.SYS_MEMFD_SECRET, 0, 0, 0)
		if errno != 0 {
			check(errno)
		}
	case "listener": // of a filter that allows everything
		const setModeFilter, newListener, tsync = 1, 8, 16
		filter := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000}}
		prog := unix.SockFprog{Len: 1, Filter: &filter[0]}
		check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, newListener|tsync, uintptr(unsafe.Pointer(&prog)))
		if errno != 0 {
			_, _, errno = unix.Syscall(unix.SYS_SECCOMP, setModeFilter, newListener, uintptr(unsafe.Pointer(&prog)))
		}
		if errno != 0 {
			check(errno)
		}
	case "mptcp":
		var config net.ListenConfig
		config.SetMultipathTCP(true)
		_, err := config.Listen(context.Background(), "tcp", "127.0.0.1:4000")
		check(err)
	case "deleted":
		f, err := os.Create("/data/large")
		check(err)
		_, err = f.Write(make([]byte, 3<<20))
		check(err)
		check(os.Remove("/data/large"))
		defer f.Close()
	case "linked":
		f, err := os.Create("/data/one")
		check(err)
		check(os.Link("/data/one", "/data/other"))
		check(os.Remove("/data/one"))
		defer f.Close()
	case "huge":
		_, err := unix.MemfdCreate("huge", unix.MFD_HUGETLB)
		check(err)
	case "bpf": // a hash of one number
		const hash, create = 1, 0
		attr := [18]uint32{hash, 4, 4, 1}
		_, _, errno := unix.Syscall(unix.SYS_BPF, create, uintptr(unsafe.Pointer(&attr[0])), unsafe.Sizeof(attr))
		if errno != 0 {
			check(errno)
		}
	case "network": // a child in another one
		cmd := exec.Command("/bin/sleep", "1000")
		cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
		check(cmd.Start())
	case "datagram":
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		check(err)
		check(unix.Connect(fd, &unix.SockaddrUnix{Name: os.Args[3]}))
	case "closes":
		var config net.ListenConfig
		config.SetMultipathTCP(false) // which CRIU doesn't know
		l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:4000")
		check(err)
		out, err := net.Dial("tcp", l.Addr().String())
		check(err)
		defer out.Close()
		in, err := l.Accept()
		check(err)
		defer in.Close()
	case "socket":
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		check(err)
		check(unix.Connect(fd, &unix.SockaddrUnix{Name: "/outside/socket"}))
	}
	for i := 1; ; i++ {
		check(count(i))
		time.Sleep(50 * time.Millisecond)
	}
}
