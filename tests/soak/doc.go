// Package soak works on many containers at once for a long time, as a node does: mostly probes by exec, and all other
// verbs by their weight, while the runtime and containers are killed at random. What there is of mounts, cgroups,
// processes, device programs and files is counted again and again while nothing is under way, and must not grow; nothing
// is stuck, and no call takes longer than a bound.
//
//	go test ./soak                       a quarter of a minute of it with 20 containers
//	go test ./soak -minutes 30 -containers 200    make soak M=30
package soak
