package libcontainer

import (
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/lsm"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
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
		if l.wanted && !lsm.SELinux() {
			return fmt.Errorf("%s: %w", l.field, errNoSELinux)
		}
	}
	return nil
}

// appArmor is the file of /proc/self that takes a profile: AppArmor's own (Linux
// 5.8), or the one that it shares with others; "" where it isn't enabled.
func appArmor(fs proc.FS) string {
	if !lsm.AppArmor() {
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
