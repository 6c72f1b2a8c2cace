// Package differ compares rung with runc by chance: it makes valid configurations
// from a seed, runs each on both, with the same paths and ids, and compares line
// by line what came out and what the container's process saw.
//
//	generate  seed and index → Case: pure, the same for ever
//	rig       what a case needs on the host: bundle, image, a holder of namespaces
//	life      runs a case on one runtime and writes a Sight
//	look      what the host sees of a process of the container
//	normal    pids, inodes and the like become words
//	sight     lines with keys, and their differences
//	known     the table of differences that are known, with a reason each
//	shrink    takes a case apart while it still differs
//
// The test in this package is the program: see TestDiffer for its flags.
//
// # Kinds of faults that users' configurations have had
//
// The points of issue 19, and where the generator makes configurations that would show them
// again. TestGenerateHasReported keeps it so.
//
//	1   lo is down              namespaces; "lo" of the program inside
//	2   devices, user namespace devices: without a mode, with a caller's umask, unknown to the host
//	3   /dev/ptmx listed        reportedDevices
//	4   the same path twice     reportedDevices
//	5   HOME empty              reportedProcess, reportedLife (exec)
//	6   capabilities            reportedProcess: unknown, and not to be granted (CAP_SYS_RESOURCE in a sandbox)
//	7   --debug                 life: what the log file is, not what it says
//	8   tmpfs on nothing        place: /new and others; file modes are compared
//	9-13, 15, 42  mounts        gen_mounts
//	14  read-only /             reported; a device where a file is: reportedDevices
//	16  poststop twice          hooks that fail: "hooks ran" has each time
//	17  poststop of a create    hooks that fail, and mounts that can't be made after them
//	18  hooks' place and umask  hooks: each says its own; Life.Umask, Life.Cwd
//	19  hooks without env       hooks; Life.Environ is the runtime's
//	20  deny-all seccomp        reported: a profile that denies the execve. One that denies all makes runc spin: tests/engines
//	25  signals when created    reportedLife: Life.KillNew
//	28  what can't be executed  program, reportedProcess; of exec: exec, reportedLife
//	29  SIGPIPE and others      reportedLife: Life.Forward
//	30  exec without rlimits    execProcess
//	31  ps of a created one     reportedLife: Life.PS
//	32  RLIMIT_FSIZE            reportedLife: Life.FileSize. /proc's options are the host's
//	34  list without a root     reportedLife: Life.List
//	35  v2 refusals             reportedResources; pids.limit 0 too
//	36  keys in another case    reported: Case.Keys
//	37  nice of other policies  reportedProcess
//	38  access rwa              reportedResources
//	41  maps that contradict    reported
//	47  too little memory       reportedResources
//	48  period without quota    reportedResources
//
// What no configuration shows: two containers at once (21, 22), a state directory that was
// damaged, or whose boot has passed, and runtimes that are killed (23, 24, 43, 44: tests/faults),
// what a container does to its own cgroups (26, 27: tests/lifecycle, tests/faults), files of the host
// (33), commands that no configuration is read by (39, 40, 45, 46: tests/cli, tests/release).
package differ
