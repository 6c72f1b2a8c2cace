// Package soak works on many containers at once for a long time, as a node does: mostly probes by exec, and all other
// verbs by their weight, while the runtime, first processes and daemons that have made containers are killed at random,
// programs run out of memory, and disks are full. What there is of mounts, cgroups, processes, device programs, files,
// and inodes and pages of disks is counted each minute while nothing is under way, and must not grow; what the kernel has
// for the whole machine (objects by kind, dying cgroups, programs, memory that it can't take back) is printed too, and must
// not grow as the calls do. Nothing is stuck, and no call takes longer than a bound.
//
//	go test ./soak                       a quarter of a minute of it with 20 containers
//	go test ./soak -minutes 30 -containers 200    make soak M=30
package soak
