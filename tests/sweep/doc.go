// Package sweep has every system call of the runtime's processes fail once, and kills them at every one.
//
// A call of the runtime is traced, and its system calls are counted: by the process that makes them (the runtime
// itself, with all its threads, or one that it forks, in the order of their birth) and by their names. Then it is made
// again for each of them, and that one isn't made but fails, with errors that it may have; or who makes it gets SIGKILL.
// This is done for verbs on ten kinds of bundles, which have the container joined, mapped, limited, asked about, and so on.
//
// After each, the call has ended in time, with success or with one line that is an error and names something, and the right
// exit code; the container is there or not, and never by half; delete --force works, and nothing is left: no cgroup, process
// or file. The host is as it was: mounts, what is in /dev, the bundle's and the state directory's modes, the caller's limits,
// cgroup and terminal, network devices. All that the other tests' guard looks at (BPF programs, keyrings, sockets) is looked
// at after every few faults, as it takes longer than the call; if it has changed, those are tried again one by one.
//
//	go test ./sweep               some, by chance, in half a minute
//	go test ./sweep -whole        all of them: make sweep
//	go test ./sweep -kind joined -verb create -fault 'EMFILE at openat 3 of the runtime'
package sweep
