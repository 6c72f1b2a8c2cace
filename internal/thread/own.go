// Package thread has threads for what a process may not do to itself as a whole:
// namespaces, a working directory, a umask that end with their work.
package thread

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Own calls f on a thread that nobody else has and that ends with f. The goroutine
// must be made for it. The process's main thread can't be that one: the Go runtime doesn't
// end it but parks it for ever, in namespaces that f has joined and with descriptors of its own, and
// it is the thread to which the kernel gives the process's signals. It is held until another one is taken.
func Own(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return // locked: the thread ends with the goroutine
	}
	defer runtime.UnlockOSThread()
	taken := make(chan struct{})
	go Own(func() {
		close(taken)
		f()
	})
	<-taken
}

// A Panic is what [Do] goes on with on the caller's goroutine.
type Panic struct {
	Value any
	Stack []byte // of the goroutine on which it has begun
}

// Error is what the panic says.
func (p *Panic) Error() string { return fmt.Sprint(p.Value) }

// Do calls f as [Own] does, and waits for it. A panic is the caller's, who has something to take back.
func Do(f func() error) (err error) {
	done := make(chan *Panic, 1)
	go Own(func() {
		defer func() {
			if v := recover(); v != nil {
				done <- &Panic{v, debug.Stack()}
			}
			close(done)
		}()
		err = f()
	})
	if p := <-done; p != nil {
		panic(p)
	}
	return err
}
