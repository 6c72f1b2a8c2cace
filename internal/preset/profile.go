package preset

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/seccomp"
)

// refused are system calls that ordinary programs don't make, by what they would be used for.
var refused = [...][]string{
	{"init_module", "finit_module", "delete_module", "create_module", "get_kernel_syms", "query_module", "kexec_load", "kexec_file_load", "reboot"},
	{"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "lookup_dcookie", "syslog"},
	{"add_key", "request_key", "keyctl"},
	{"mount", "umount", "umount2", "pivot_root", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "swapon", "swapoff", "quotactl", "quotactl_fd"},
	{"setns", "unshare"},
	{"open_by_handle_at", "fanotify_init", "acct", "nfsservctl"},
	{"settimeofday", "stime", "clock_settime", "clock_settime64", "adjtimex", "clock_adjtime", "clock_adjtime64"},
	{"iopl", "ioperm", "vm86", "vm86old", "vhangup"},
	{"process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"},
	{"uselib", "ustat", "sysfs", "_sysctl"},
}

// spaces are the flags of clone(2) that make namespaces.
const spaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// profile is a filter that allows what isn't refused: calls of kernels to come included, which
// an engine's profile would not. Calls fail with EPERM.
func profile() *specs.LinuxSeccomp {
	var names []string
	for _, list := range refused {
		names = append(names, list...)
	}
	enosys := uint(unix.ENOSYS)
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Architectures: architectures(seccomp.Native()),
		Syscalls: []specs.LinuxSyscall{
			{Names: names, Action: specs.ActErrno},
			// Its flags are in memory, where no filter looks: C libraries then try clone.
			{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &enosys},
		},
	}
	for bit := uint64(1); bit <= spaces; bit <<= 1 {
		if bit&spaces != 0 {
			p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
				Names: []string{"clone"}, Action: specs.ActErrno,
				Args: []specs.LinuxSeccompArg{{Index: flagsOfClone(seccomp.Native()), Op: specs.OpMaskedEqual, Value: bit, ValueTwo: bit}},
			})
		}
	}
	return p
}

// flagsOfClone is which argument of clone(2) the flags are.
func flagsOfClone(native specs.Arch) uint {
	if native == specs.ArchS390X {
		return 1
	}
	return 0
}

// architectures are those whose programs a machine runs: calls of others end the process.
func architectures(native specs.Arch) []specs.Arch {
	switch native {
	case specs.ArchX86_64:
		return []specs.Arch{native, specs.ArchX86, specs.ArchX32}
	case specs.ArchAARCH64:
		return []specs.Arch{native, specs.ArchARM}
	}
	return []specs.Arch{native}
}
