// Package nsenter starts processes inside namespaces without C and without Go.
//
// A process that is visible inside a container must not run the Go runtime: its
// threads count against pids.limit, its heap against memory.limit, and root of
// the container could ptrace it. So the child of [Fork] returns neither to Go
// code that allocates nor to the scheduler. It plays a [Tape]: a prepared list of
// system calls, run by one loop that needs no stack growth, no lock and no
// memory but the [Arena] in which the tape lies.
//
// The tape is data. It is assembled by pure functions in one process, may be
// mapped by another, and can be completed by a third one while the process that
// will play it waits at a gate. Its addresses are relative to the arena.
//
// This is the only package that uses go:linkname and raw clone3(2).
package nsenter
