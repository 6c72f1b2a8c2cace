package differ

// runcFails are configurations that the specification allows and runc fails on,
// with what it says. rung must not fail on them.
var runcFails = []*Known{
	{
		Name:   "runc: a device listed by hand loses its default rule",
		Reason: "The six default devices may always be used; runc forgets the rule of one that linux.devices lists, and can't open its own /dev/null.",
		Text:   re(`error reopening /dev/null inside container: open /dev/null: operation not permitted`),
		If:     hasDevice("/dev/null"),
	},
	{
		Name:   "runc: v2 controllers of a hybrid host",
		Reason: "hugetlb is on cgroup2 here, and rung uses it there; runc knows a host as v1 or v2 only.",
		Text:   re(`cannot set hugetlb limit: container could not join or create cgroup`),
	},
	{
		Name:   "runc: devices that the host lacks, in a user namespace",
		Reason: "runc binds them from the host's path; rung makes them.",
		Text:   re(`error creating device nodes: mount src=/dev/(mine|loop77|sub/dir/urandom|pipe|fuse)|mount src=/srv/zero`),
		If:     ownUser,
	},
}

// table are the differences of what is seen, or of how it ends.
var table = []*Known{}
