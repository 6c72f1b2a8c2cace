// Package sweep has every system call of the runtime's processes fail once, and kills them at every one.
//
// A call of the runtime is traced, and its system calls are counted: by the process that makes them (the runtime
// itself, with all its threads, or one that it forks, in the order of their birth) and by their names. Then it is made
// again for each of them, and that one isn't made but fails, with errors that it may have; or who makes it gets SIGKILL.
// After each, the call has ended in time, with success or with one line that is an error and names something; the
// container is there or not, and never by half; delete --force works, and nothing is left.
//
//	go test ./sweep               some, by chance, in half a minute
//	go test ./sweep -whole        all of them: make sweep
package sweep
