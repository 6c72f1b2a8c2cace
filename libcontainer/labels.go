package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/plan"
	"github.com/rung-oci/rung/libcontainer/proc"
)

// Errors of labels that this host has no use for. A container must never run
// without what was to keep it in.
var (
	errNoAppArmor = errors.New("apparmor is not enabled on this host")
	errNoSELinux  = errors.New("selinux is not enabled on this host")
)

// labels adds to the host's facts what takes the labels of a process and of its
// mounts. It looks only for what is asked for.
func labels(h *plan.Host, fs proc.FS, p *specs.Process, mountLabel string) error {
	if p != nil && p.ApparmorProfile != "" {
		if h.AppArmor = appArmor(fs); h.AppArmor == "" {
			return fmt.Errorf("process.apparmorProfile: %w", errNoAppArmor)
		}
	}
	for _, l := range []struct {
		field  string
		wanted bool
	}{{"process.selinuxLabel", p != nil && p.SelinuxLabel != ""}, {"linux.mountLabel", mountLabel != ""}} {
		if l.wanted && !SELinux() {
			return fmt.Errorf("%s: %w", l.field, errNoSELinux)
		}
	}
	return nil
}

// appArmor is the file of /proc/self that takes a profile: AppArmor's own (Linux
// 5.8), or the one that it shares with others; "" where it isn't enabled.
func appArmor(fs proc.FS) string {
	if !AppArmor() {
		return ""
	}
	const own, shared = "attr/apparmor/exec", "attr/exec"
	fd, err := fs.OpenFile(proc.PID(os.Getpid(), own), unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return shared
	}
	unix.Close(fd)
	return own
}

// AppArmor tells whether AppArmor is enabled.
func AppArmor() bool {
	on, err := readSmall("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.HasPrefix(on, "Y")
}

// SELinux tells whether SELinux is enabled: its file system is there, and a
// policy is loaded (before that all processes are "kernel").
func SELinux() bool {
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/selinux", &fs) != nil || uint32(fs.Type) != unix.SELINUX_MAGIC {
		return false
	}
	label, err := readSmall("/proc/self/attr/current")
	return err == nil && strings.TrimRight(label, "\x00\n") != "kernel"
}

// readSmall reads a file of the kernel's that has one value.
func readSmall(path string) (string, error) {
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
