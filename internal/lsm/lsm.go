// Package lsm tells which security modules of the kernel that give processes
// labels are in force on this host.
package lsm

import (
	"strings"

	"golang.org/x/sys/unix"
)

// AppArmor tells whether AppArmor is enabled.
func AppArmor() bool {
	on, err := read("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.HasPrefix(on, "Y")
}

// SELinux tells whether SELinux is enabled: its file system is there, and a
// policy is loaded (before that all processes are "kernel").
func SELinux() bool {
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/selinux", &fs) != nil || uint32(fs.Type) != unix.SELINUX_MAGIC {
		return false
	}
	label, err := read("/proc/self/attr/current")
	return err == nil && strings.TrimRight(label, "\x00\n") != "kernel"
}

// read reads a file of the kernel's that has one value.
func read(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf := make([]byte, 256)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
