package entry

import (
	"syscall"
	"unsafe"
)

// overrideWrite takes, in the place of write(2), what the Go runtime prints by itself:
// all that it says when it can't go on.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite func(fd uintptr, p unsafe.Pointer, n int32) int32

var writer = report // entry, in assembler, reads it

// What the Go runtime begins to print when something is lacking, and what it is.
const (
	noThread = "rung: can't start a thread: the number of processes is limited (pids.max of a cgroup, ulimit -u)\n"
	noMemory = "rung: can't get memory: the address space or the size of data is limited (ulimit -v, ulimit -d)\n"
	noFiles  = "rung: can't open files: their number is limited (ulimit -n)\n"
)

// held says that "fatal error: " was to be printed, and waits for the reason.
var held bool

const fatal = "fatal error: "

// report is called wherever the Go runtime is, on whatever stack, with any lock held:
// it may neither allocate nor let its stack grow.
//
//go:nosplit
//go:norace
func report(fd uintptr, p unsafe.Pointer, n int32) int32 {
	text := unsafe.String((*byte)(p), int(n))
	switch {
	case begins(text, "runtime: failed to create new OS thread"):
		die(noThread)
	case begins(text, "runtime: out of memory"), begins(text, "runtime: mmap("), held && tellsOfMemory(text):
		die(noMemory)
	case begins(text, "runtime: eventfd failed"), begins(text, "runtime: epollcreate failed"):
		die(noFiles)
	case text == fatal:
		held = true
		return n
	case held:
		held = false
		write(fd, unsafe.Pointer(unsafe.StringData(fatal)), len(fatal))
	}
	return write(fd, p, int(n))
}

//go:nosplit
func write(fd uintptr, p unsafe.Pointer, n int) int32 {
	r, _, _ := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(p), uintptr(n))
	return int32(r)
}

//go:nosplit
func die(line string) {
	write(2, unsafe.Pointer(unsafe.StringData(line)), len(line))
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, exitCode(), 0, 0)
}

// command holds the command line, of which there may be no word in memory that we could look for yet.
var command [4096]byte

const commandFile = "/proc/self/cmdline\x00"

// exitCode is that of an error of the verb that was called.
//
//go:nosplit
func exitCode() uintptr {
	const here = ^uintptr(99) // AT_FDCWD
	fd, _, errno := syscall.RawSyscall6(syscall.SYS_OPENAT, here, uintptr(unsafe.Pointer(unsafe.StringData(commandFile))), syscall.O_RDONLY, 0, 0, 0)
	if errno != 0 {
		return 1
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&command)), uintptr(len(command)))
	if errno != 0 {
		return 1
	}
	return codeOf(unsafe.String(&command[0], int(n)))
}

// codeOf is 2 for the verbs whose 1 says something else (cli's command.trouble), and 255 for exec, whose 1 may be the program's. The verb is the first word that is no option, nor the value of one.
//
//go:nosplit
func codeOf(words string) uintptr {
	option := true // of which the next word may be the value; the program's name isn't looked at
	for start, i := 0, 0; i < len(words); i++ {
		if words[i] != 0 {
			continue
		}
		word := words[start:i]
		start = i + 1
		switch {
		case begins(word, "-"):
			option = word != "--debug" && word != "--systemd-cgroup"
			for j := range len(word) {
				option = option && word[j] != '='
			}
		case option:
			option = false
		case word == "doctor" || word == "plan":
			return 2
		case word == "exec":
			return 255
		default:
			return 1
		}
	}
	return 1
}

//go:nosplit
func begins(text, with string) bool { return len(text) >= len(with) && text[:len(with)] == with }

// tellsOfMemory tells whether the reason of a fatal error is that memory can't be had.
//
//go:nosplit
func tellsOfMemory(reason string) bool {
	for i := range len(reason) {
		if begins(reason[i:], "memory") || begins(reason[i:], "address space") {
			return true
		}
	}
	return false
}
