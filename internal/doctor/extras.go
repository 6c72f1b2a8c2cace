package doctor

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/cgroups/choose"
	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/resctrl"
)

// extras is what few containers need.
type extras struct {
	systemd    int // its version
	systemdErr error
	resctrl    string // where it is mounted
	resctrlErr error
	known      bool   // the kernel has resctrl, on this processor
	criu       string // its path
}

func lookAtExtras() (e extras) {
	e.systemd, e.systemdErr = choose.ReachSystemd(os.Geteuid() != 0 || idmap.InNamespace())
	e.resctrl, e.resctrlErr = resctrl.Root()
	text, err := os.ReadFile("/proc/filesystems")
	e.known = err == nil && strings.Contains(string(text), "\tresctrl\n")
	e.criu, _ = criu.Find("") // an environment says nothing of what an engine's has
	return e
}

func (e *extras) judge() []Check {
	bus := Check{Name: "systemd.bus", Status: OK, Need: Optional, Found: "version " + strconv.Itoa(e.systemd)}
	if e.systemdErr != nil {
		bus.Status, bus.Found, bus.Fails = Missing, e.systemdErr.Error(), "containers with --systemd-cgroup"
		bus.Mend = "leave --systemd-cgroup out, or boot the host with systemd; an ordinary user needs a session (loginctl enable-linger)"
	}
	rdt := Check{Name: "resctrl.mount", Status: OK, Need: Optional, Found: e.resctrl}
	switch {
	case e.resctrlErr == nil:
	case errors.Is(e.resctrlErr, resctrl.ErrNotMounted) && e.known:
		rdt.Status, rdt.Found, rdt.Fails = Missing, "the kernel has it, and it isn't mounted", "linux.intelRdt"
		rdt.Mend = "mount -t resctrl resctrl /sys/fs/resctrl"
	default:
		rdt.Status, rdt.Found, rdt.Fails = Missing, e.resctrlErr.Error(), "linux.intelRdt"
		rdt.Mend = "it takes a processor with RDT or MPAM, and a kernel with CONFIG_X86_CPU_RESCTRL or the like"
	}
	program := Check{
		Name: "criu.program", Status: OK, Need: Optional, Found: e.criu,
	}
	if e.criu == "" {
		program.Status, program.Found, program.Fails, program.Mend = Missing, "it isn't installed", "checkpoint and restore", "install criu, 3.17 or later"
	}
	return []Check{bus, rdt, program}
}
