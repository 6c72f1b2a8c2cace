// Package caps knows the names of the capabilities, sets of them, and those that the calling
// thread holds.
package caps

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/suggest"
)

// Last is the number of the last capability that has a name here, CAP_CHECKPOINT_RESTORE. The
// kernel may know more.
const Last = unix.CAP_LAST_CAP

// names is indexed by the capability's number.
var names = [Last + 1]string{
	unix.CAP_CHOWN:              "CAP_CHOWN",
	unix.CAP_DAC_OVERRIDE:       "CAP_DAC_OVERRIDE",
	unix.CAP_DAC_READ_SEARCH:    "CAP_DAC_READ_SEARCH",
	unix.CAP_FOWNER:             "CAP_FOWNER",
	unix.CAP_FSETID:             "CAP_FSETID",
	unix.CAP_KILL:               "CAP_KILL",
	unix.CAP_SETGID:             "CAP_SETGID",
	unix.CAP_SETUID:             "CAP_SETUID",
	unix.CAP_SETPCAP:            "CAP_SETPCAP",
	unix.CAP_LINUX_IMMUTABLE:    "CAP_LINUX_IMMUTABLE",
	unix.CAP_NET_BIND_SERVICE:   "CAP_NET_BIND_SERVICE",
	unix.CAP_NET_BROADCAST:      "CAP_NET_BROADCAST",
	unix.CAP_NET_ADMIN:          "CAP_NET_ADMIN",
	unix.CAP_NET_RAW:            "CAP_NET_RAW",
	unix.CAP_IPC_LOCK:           "CAP_IPC_LOCK",
	unix.CAP_IPC_OWNER:          "CAP_IPC_OWNER",
	unix.CAP_SYS_MODULE:         "CAP_SYS_MODULE",
	unix.CAP_SYS_RAWIO:          "CAP_SYS_RAWIO",
	unix.CAP_SYS_CHROOT:         "CAP_SYS_CHROOT",
	unix.CAP_SYS_PTRACE:         "CAP_SYS_PTRACE",
	unix.CAP_SYS_PACCT:          "CAP_SYS_PACCT",
	unix.CAP_SYS_ADMIN:          "CAP_SYS_ADMIN",
	unix.CAP_SYS_BOOT:           "CAP_SYS_BOOT",
	unix.CAP_SYS_NICE:           "CAP_SYS_NICE",
	unix.CAP_SYS_RESOURCE:       "CAP_SYS_RESOURCE",
	unix.CAP_SYS_TIME:           "CAP_SYS_TIME",
	unix.CAP_SYS_TTY_CONFIG:     "CAP_SYS_TTY_CONFIG",
	unix.CAP_MKNOD:              "CAP_MKNOD",
	unix.CAP_LEASE:              "CAP_LEASE",
	unix.CAP_AUDIT_WRITE:        "CAP_AUDIT_WRITE",
	unix.CAP_AUDIT_CONTROL:      "CAP_AUDIT_CONTROL",
	unix.CAP_SETFCAP:            "CAP_SETFCAP",
	unix.CAP_MAC_OVERRIDE:       "CAP_MAC_OVERRIDE",
	unix.CAP_MAC_ADMIN:          "CAP_MAC_ADMIN",
	unix.CAP_SYSLOG:             "CAP_SYSLOG",
	unix.CAP_WAKE_ALARM:         "CAP_WAKE_ALARM",
	unix.CAP_BLOCK_SUSPEND:      "CAP_BLOCK_SUSPEND",
	unix.CAP_AUDIT_READ:         "CAP_AUDIT_READ",
	unix.CAP_PERFMON:            "CAP_PERFMON",
	unix.CAP_BPF:                "CAP_BPF",
	unix.CAP_CHECKPOINT_RESTORE: "CAP_CHECKPOINT_RESTORE",
}

// Parse returns the number of a capability. The name must be exact: upper case and with "CAP_".
func Parse(name string) (bit int, ok bool) {
	for i := range names {
		if names[i] == name {
			return i, true
		}
	}
	return 0, false
}

// Meant is the capability that may have been meant by a name that isn't known; "" if there is none.
func Meant(name string) string {
	upper := strings.ToUpper(name)
	if !strings.HasPrefix(upper, "CAP_") {
		upper = "CAP_" + upper
	}
	if upper == "CAP_ALL" { // as engines say, who mean no single one
		return ""
	}
	if upper != name && slices.Contains(names[:], upper) { // written otherwise
		return upper
	}
	return suggest.Closest(upper, names[:])
}

// Known returns the names of all capabilities in the order of their numbers.
func Known() []string {
	list := make([]string, len(names))
	copy(list, names[:])
	return list
}

// Set is a set of capabilities: bit n stands for capability number n, as the kernel counts.
type Set uint64

// FromNames returns the set of the named capabilities, and the names that are not known, in the
// order given. An unknown name is no error: the runtime-spec wants a warning.
func FromNames(list []string) (set Set, unknown []string) {
	for _, name := range list {
		if bit, ok := Parse(name); ok {
			set |= 1 << bit
		} else {
			unknown = append(unknown, name)
		}
	}
	return set, unknown
}

// Has reports whether capability number bit is in the set.
func (s Set) Has(bit int) bool { return bit >= 0 && bit < 64 && s&(1<<bit) != 0 }

// Names returns the names of the set's capabilities in the order of their numbers. Numbers
// without a name are left out.
func (s Set) Names() []string {
	var list []string
	for i := range names {
		if s.Has(i) {
			list = append(list, names[i])
		}
	}
	return list
}

// Current returns the capabilities of the calling thread, by capget(2) and prctl(2), so that no
// procfs is needed or trusted. Each set may hold capabilities without a name here.
func Current() (effective, permitted, inheritable, bounding Set, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, 0, 0, 0, fmt.Errorf("capget: %w", err)
	}
	join := func(low, high uint32) Set { return Set(low) | Set(high)<<32 }
	effective = join(data[0].Effective, data[1].Effective)
	permitted = join(data[0].Permitted, data[1].Permitted)
	inheritable = join(data[0].Inheritable, data[1].Inheritable)
	for bit := range 64 {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(bit), 0, 0, 0)
		if err == unix.EINVAL { // the first number that the kernel does not know
			break
		}
		if err != nil {
			return 0, 0, 0, 0, fmt.Errorf("prctl PR_CAPBSET_READ %d: %w", bit, err)
		}
		bounding |= Set(in) << bit
	}
	return effective, permitted, inheritable, bounding, nil
}
