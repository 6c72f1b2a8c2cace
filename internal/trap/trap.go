// Package trap catches signals in a pipe, so that one poll(2) waits for them
// and for all else.
//
// os/signal costs two switches between threads for each signal that it is told
// to catch, half a millisecond for those that matter, and more threads. A
// handler of ours that writes the signal's number costs one system call a
// signal to install. The Go runtime doesn't notice: it looks at a handler again
// only if os/signal asks it to, or when the program dies.
package trap

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// Catch catches, from now on, all signals but those that the Go runtime needs
// (SIGURG, and SIGSEGV and the like when a fault of our own raised them), a SIGPIPE
// that a write of our own raised, and those that can't be caught; nor those that are to do what they do anyhow. It returns the pipe's end that [Read]
// reads, until [Release]. It is the same one every time, and stays open for as long as we live: a handler may be about to write to it.
//
// Who uses a terminal leaves out [TerminalUse]: caught, they have the kernel begin the call anew that raised them, for ever.
func Catch(but ...unix.Signal) (fd int, err error) {
	catching.Lock()
	defer catching.Unlock()
	if pipe < 0 {
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			return -1, fmt.Errorf("make pipe for signals: %w", err)
		}
		read, pipe, self = ends[0], int32(ends[1]), int32(unix.Getpid())
	}
	if err := install(but); err != nil {
		if users == 0 {
			restore()
		}
		return -1, fmt.Errorf("catch signals: %w", err)
	}
	users++
	return read, nil
}

// Release has signals do again what they did before, once nobody else catches them. Those that nobody has read are lost.
func Release() {
	catching.Lock()
	defer catching.Unlock()
	if users--; users > 0 {
		return
	}
	restore()
	for Read(read) != 0 { // or the next one would be told
	}
}

var (
	catching sync.Mutex
	users    int
	read     int // the end that is read
)

// TerminalUse are the signals that stop a process of the background which reads a terminal, sets it up or, with `stty tostop`, writes to it.
var TerminalUse = [...]unix.Signal{unix.SIGTTIN, unix.SIGTTOU}

var (
	pipe int32 = -1 // the end that is written to; assembler reads it
	self int32      //nolint:unused // our pid; assembler reads it
)

// Read returns the next signal that was caught, or 0 if there is none.
func Read(fd int) unix.Signal {
	var sig int32
	if n, _ := fdio.Read(fd, (*[4]byte)(unsafe.Pointer(&sig))[:]); n != 4 {
		return 0
	}
	return unix.Signal(sig)
}

// last is the highest signal that we can get but on MIPS.
const last = 64

// ours tells whether a signal is to be caught. 32 and 33 are those that C
// libraries keep to themselves.
func ours(sig unix.Signal) bool {
	switch sig {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGURG, 32, 33:
		return false
	}
	return true
}
