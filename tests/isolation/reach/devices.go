package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// devices are those of /dev, and those that can be made.
func devices() {
	list, _ := os.ReadDir("/dev")
	for _, e := range list {
		path := "/dev/" + e.Name()
		if e.Type()&os.ModeDevice == 0 {
			continue
		}
		if fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
			say("open %s", path)
		}
	}
	for _, d := range []struct {
		kind, name   string
		major, minor uint32
	}{
		{"c", "mem", 1, 1},
		{"c", "kmem", 1, 2},
		{"c", "port", 1, 4},
		{"c", "kmsg", 1, 11},
		{"c", "tty1", 4, 1},
		{"c", "ttyS0", 4, 64},
		{"c", "tty", 5, 0},
		{"c", "console", 5, 1},
		{"c", "misc", 10, 1},
		{"c", "fuse", 10, 229},
		{"c", "tun", 10, 200},
		{"c", "kvm", 10, 232},
		{"c", "loop-control", 10, 237},
		{"c", "null", 1, 3},
		{"c", "ptmx", 5, 2},
		{"b", "loop0", 7, 0},
		{"b", "sda", 8, 0},
		{"b", "dm-0", 254, 0},
		{"b", "nvme0n1", 259, 0},
	} {
		mode := uint32(unix.S_IFCHR)
		if d.kind == "b" {
			mode = unix.S_IFBLK
		}
		path := "/dev/reach"
		if err := unix.Mknod(path, mode|0o600, int(unix.Mkdev(d.major, d.minor))); err != nil {
			continue
		}
		say("make %s %d:%d (%s)", d.kind, d.major, d.minor, d.name)
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		if err != unix.EPERM && err != unix.EACCES { // else there just isn't any
			say("use %s %d:%d (%s)", d.kind, d.major, d.minor, d.name)
		}
		unix.Unlink(path)
	}
}

// sockets are what protocols can be spoken.
func sockets() {
	for family := range 46 {
		for kind, name := range map[int]string{unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "datagram", unix.SOCK_RAW: "raw", unix.SOCK_SEQPACKET: "seqpacket"} {
			if fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0); err == nil {
				unix.Close(fd)
				say("socket of family %d, %s", family, name)
			}
		}
	}
	for protocol := range 23 {
		if fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol); err == nil {
			unix.Close(fd)
			say("netlink socket of protocol %d", protocol)
		}
	}
}

// keys are the kernel's keyrings.
func keys() {
	for name, id := range map[string]int{"thread": -1, "process": -2, "session": -3, "user": -4, "user session": -5} {
		serial, err := unix.KeyctlGetKeyringID(id, false)
		if err != nil {
			continue
		}
		text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, serial)
		if err != nil {
			continue
		}
		f := strings.Split(text, ";")
		what := f[len(f)-1]
		if name == "session" && what != "_ses" && !strings.HasPrefix(what, "_uid") {
			what = "one of its own"
		}
		say("has a %s keyring: %s", name, what)
	}
	if _, err := unix.AddKey("user", "reach", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING); err == nil {
		say("add a key")
	}
}

// calls are system calls that take privileges, with arguments that make them harmless where they are allowed.
func calls() {
	str := func(s string) uintptr { b := append([]byte(s), 0); return uintptr(unsafe.Pointer(&b[0])) }
	perf := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
	own := perf
	own.Bits = unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv
	bpf := make([]byte, 128)
	bpf[0], bpf[4], bpf[8], bpf[12] = 2, 4, 4, 1 // an array of one
	uring := make([]byte, 120)
	const anything = "any"
	for _, c := range []struct {
		name    string
		nr      uintptr
		args    [6]uintptr
		allowed string // "any": any error but EPERM, EACCES and ENOSYS means that it is allowed; "": only success
	}{
		{"perf_event_open of itself", unix.SYS_PERF_EVENT_OPEN, [6]uintptr{uintptr(unsafe.Pointer(&own)), 0, ^uintptr(0), ^uintptr(0), 0}, ""},
		{"perf_event_open of a processor", unix.SYS_PERF_EVENT_OPEN, [6]uintptr{uintptr(unsafe.Pointer(&perf)), ^uintptr(0), 0, ^uintptr(0), 0}, ""},
		{"bpf: make a map", unix.SYS_BPF, [6]uintptr{0, uintptr(unsafe.Pointer(&bpf[0])), uintptr(len(bpf))}, ""},
		{"bpf: load a program", unix.SYS_BPF, [6]uintptr{5, uintptr(unsafe.Pointer(&uring[0])), uintptr(len(uring))}, anything},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, [6]uintptr{1, uintptr(unsafe.Pointer(&uring[0]))}, ""},
		{"userfaultfd of the kernel's faults", unix.SYS_USERFAULTFD, [6]uintptr{0}, ""},
		{"userfaultfd", unix.SYS_USERFAULTFD, [6]uintptr{1}, ""},
		{"memfd_secret", unix.SYS_MEMFD_SECRET, [6]uintptr{}, ""},
		{"fanotify_init", unix.SYS_FANOTIFY_INIT, [6]uintptr{0, 0}, ""},
		{"fsopen", unix.SYS_FSOPEN, [6]uintptr{str("tmpfs"), 0}, ""},
		{"mount", unix.SYS_MOUNT, [6]uintptr{str("none"), str("/nosuch"), str("tmpfs"), 0, 0}, anything},
		{"pivot_root", unix.SYS_PIVOT_ROOT, [6]uintptr{str("/nosuch"), str("/nosuch")}, anything},
		{"chroot", unix.SYS_CHROOT, [6]uintptr{str("/")}, ""},
		{"sethostname", unix.SYS_SETHOSTNAME, [6]uintptr{str("reach"), 5}, ""},
		{"kexec_load", unix.SYS_KEXEC_LOAD, [6]uintptr{0, 1 << 20, 0, 0}, anything},
		{"init_module", unix.SYS_INIT_MODULE, [6]uintptr{0, 0, 0}, anything},
		{"delete_module", unix.SYS_DELETE_MODULE, [6]uintptr{str("nosuchmodule"), 0}, anything},
		{"reboot", unix.SYS_REBOOT, [6]uintptr{1, 2, 3, 0}, anything}, // wrong magic
		{"swapoff", unix.SYS_SWAPOFF, [6]uintptr{str("/nosuch")}, anything},
		{"syslog: size", unix.SYS_SYSLOG, [6]uintptr{10}, ""},
		{"quotactl", unix.SYS_QUOTACTL, [6]uintptr{0x800001 << 8, str("/nosuch"), 0, 0}, anything},
		{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, [6]uintptr{^uintptr(99), uintptr(unsafe.Pointer(&uring[0])), 0}, anything},
		{"unshare: mounts", unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_NEWNS | unix.CLONE_FS}, ""},
		{"unshare: network", unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_NEWNET}, ""},
		{"setpriority below", unix.SYS_SETPRIORITY, [6]uintptr{unix.PRIO_PROCESS, 0, ^uintptr(0)}, ""},
		{"vhangup", unix.SYS_VHANGUP, [6]uintptr{}, ""},
		{"personality: uname26", unix.SYS_PERSONALITY, [6]uintptr{0x0020000}, ""},
		{"lookup in a landlock ruleset", unix.SYS_LANDLOCK_CREATE_RULESET, [6]uintptr{0, 0, 1}, ""},
	} {
		_, _, errno := unix.Syscall6(c.nr, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
		switch {
		case errno == 0:
			say("call %s", c.name)
		case c.allowed == anything && errno != unix.EPERM && errno != unix.EACCES && errno != unix.ENOSYS:
			say("call %s", c.name)
		}
	}
	attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}}
	if pid, err := syscall.ForkExec("/proc/self/exe", []string{"reach", "nothing"}, attr); err == nil {
		var ws unix.WaitStatus
		_, _ = unix.Wait4(pid, &ws, 0, nil)
		say("call clone: user namespace")
	}
	if text, err := os.ReadFile("/proc/kallsyms"); err == nil && len(text) > 16 && string(text[:16]) != fmt.Sprintf("%016d", 0) {
		say("see addresses of the kernel")
	}
}
