// Package fdio has what every user of a descriptor needs: an owner for it, and system calls that go on
// after a signal. It knows of no poller: package os takes two descriptors for one, and a thread.
package fdio

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// An Own is a descriptor with an owner. The zero value is closed.
type Own struct{ next int } // the number and one

// New makes fd its own; a negative number is none.
func New(fd int) Own { return Own{max(fd, -1) + 1} }

// Of is New for what a call returns.
func Of(fd int, err error) (Own, error) {
	if err != nil {
		fd = -1
	}
	return New(fd), err
}

// FD is the number, -1 if it is closed.
func (o *Own) FD() int { return o.next - 1 }

// Open tells whether it is open.
func (o *Own) Open() bool { return o.next > 0 }

// Close closes it, once.
func (o *Own) Close() {
	if o.Open() {
		unix.Close(o.Take())
	}
}

// Take gives it to the caller.
func (o *Own) Take() int {
	n := o.FD()
	o.next = 0
	return n
}

// CloseAll closes the descriptors of a list, in which -1 stands for one that has
// been handed over, as it does for all of them afterwards.
func CloseAll(list []int) {
	for i, fd := range list {
		if fd >= 0 {
			unix.Close(fd)
		}
		list[i] = -1
	}
}

// Again makes a call until no signal interrupts it (EINTR).
func Again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Read is read(2).
func Read(fd int, p []byte) (n int, err error) {
	err = Again(func() error { n, err = unix.Read(fd, p); return err })
	return n, err
}

// Write is write(2).
func Write(fd int, p []byte) (n int, err error) {
	err = Again(func() error { n, err = unix.Write(fd, p); return err })
	return n, err
}

// WriteAll writes all of p, in as many calls as that takes.
func WriteAll(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := Write(fd, p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// ReadAll reads to the end of a file, at most limit bytes. Size is a guess of how much that is: files of
// some file systems say 0.
func ReadAll(fd, size, limit int) ([]byte, error) {
	all := make([]byte, 0, min(size, limit)+1)
	for len(all) < limit {
		if len(all) == cap(all) {
			all = append(all, 0)[:len(all)]
		}
		n, err := Read(fd, all[len(all):min(cap(all), limit)])
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		all = all[:len(all)+n]
	}
	return all, nil
}

// Poll waits until something is to be seen of a descriptor of the list, at most until the deadline;
// the zero time is none. It tells whether something is.
func Poll(list []unix.PollFd, deadline time.Time) (seen bool, err error) {
	for {
		ms := -1
		if !deadline.IsZero() { // rounded up: a wait of 0 ms would be a loop
			ms = int(min(max(0, time.Until(deadline)+time.Millisecond-1).Milliseconds(), 1<<30))
		}
		n, err := unix.Poll(list, ms)
		if err == nil && n == 0 && ms == 1<<30 {
			continue
		}
		if err != unix.EINTR {
			return n > 0, err
		}
	}
}

// Await is Poll for one descriptor, which can be read then, or is at its end.
func Await(fd int, deadline time.Time) (bool, error) {
	return Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, deadline)
}
