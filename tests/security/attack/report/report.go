// Package report is what the attack program prints.
package report

// Snoop is what was seen of other processes.
type Snoop struct {
	Tasks   int            // processes that were seen before their execve
	Looks   int            // passes over such processes
	Threads int            // the most threads that one had
	Comms   map[string]int // their names then → processes
	Lines   map[string]int // their command lines then → looks
	Denied  map[string]int // operation → refusals before execve
	Stolen  map[string]int // "operation: what" → successes before execve
	After   map[string]int // operation → successes after execve: the snoop's own test
}

// Exe is what became of writing to executables.
type Exe struct {
	Tries    int
	Closed   map[string]int            // "error name" of opening /proc/PID/exe itself → tries
	Outcomes map[string]map[string]int // path → error, "sealed" or "open" → tries
}

// Type is what became of pushing keys: by stdin and by /dev/tty, and the session.
type Type struct {
	Stdin, TTY, Paste string // "ok" or the error
	SID, PID          int
}

// Take is what was taken from processes before they were the container's program.
type Take struct {
	Tasks, Looks int            // processes, and passes over them
	Refused      int            // descriptors that couldn't be had for want of rights
	Got          map[string]int // kind of descriptor → how many were taken
	Host         map[string]int // those from which a path leads to the host
	Root, Cwd    int            // looks that found a root or working directory of the host's
}

// Forge is what a program did that writes into the memory of others.
type Forge struct {
	Written int // processes that had the number in their memory
}
