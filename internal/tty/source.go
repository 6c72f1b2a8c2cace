package tty

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// A source is a file that is read as long as it is wanted. It takes nothing of it afterwards: the Go runtime's poller waits for it, and not a read that
// nobody could call off. That is done by an epoll of our own, for the file is the caller's: he may have put it into any mode, and use it himself.
type source struct {
	file  syscall.RawConn
	ready *os.File // an epoll of the file and of the terminal
	poll  syscall.RawConn

	mu       sync.Mutex // is held while it is read, which never waits
	unwanted bool
}

// errUnwanted ends the reading of what is wanted no more.
var errUnwanted = errors.New("nobody reads any more")

// newSource is a file's whose reader has a terminal, to which it is of no use once that has no user. It is nil for a file that poll(2) doesn't know, such
// as a regular one, which never lets a reader wait.
func newSource(f, terminal *os.File) *source {
	file, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	err = control(f, func(fd int) error { return watch(epoll, fd, unix.EPOLLIN) })
	if err == nil {
		err = control(terminal, func(fd int) error { return watch(epoll, fd, 0) }) // its last user's leave is always told
	}
	if err == nil {
		err = unix.SetNonblock(epoll, true) // says that the Go runtime's poller shall have it
	}
	if err != nil {
		unix.Close(epoll)
		return nil
	}
	s := &source{file: file, ready: os.NewFile(uintptr(epoll), "input")}
	if s.poll, err = s.ready.SyscallConn(); err == nil {
		err = s.ready.SetReadDeadline(time.Time{})
	}
	if err != nil {
		s.ready.Close()
		return nil
	}
	return s
}

// watch has an epoll watch a descriptor, and tell of it by what it is watched for.
func watch(epoll, fd int, events uint32) error {
	return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(events)})
}

// control does something with a file's descriptor, without the change of mode that [os.File.Fd] makes.
func control(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// Read waits until there is something, or until it is unwanted.
func (s *source) Read(p []byte) (n int, err error) {
	for {
		left := false
		if s.poll.Read(func(epoll uintptr) bool {
			var seen bool
			seen, left = look(int(epoll))
			return seen
		}) != nil || left {
			return 0, errUnwanted
		}
		if n, err = s.take(p); !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
	}
}

// look tells whether something is to be seen of the file, or that the terminal has no user any more.
func look(epoll int) (seen, left bool) {
	var events [2]unix.EpollEvent
	n, err := unix.EpollWait(epoll, events[:], 0)
	for _, e := range events[:max(n, 0)] {
		left = left || e.Fd == 0
	}
	return n > 0 || err != nil && err != unix.EINTR, left
}

// take reads what is there.
func (s *source) take(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unwanted {
		return 0, errUnwanted
	}
	if cerr := s.file.Control(func(fd uintptr) { n, err = readNow(int(fd), p) }); cerr != nil {
		return 0, errUnwanted // it is closed
	}
	if n = max(n, 0); n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// taking is locked from the look whether there is something until that is read, where a read that doesn't wait can't be had: others of ours may be after it too.
var taking sync.Mutex

// readNow is read(2) that doesn't wait. Terminals don't know of such.
func readNow(fd int, p []byte) (n int, err error) {
	err = fdio.Again(func() error { n, err = unix.Preadv2(fd, [][]byte{p}, -1, unix.RWF_NOWAIT); return err })
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return n, err
	}
	taking.Lock()
	defer taking.Unlock()
	if there, err := fdio.Await(fd, time.Now()); err != nil || !there {
		return 0, unix.EAGAIN
	}
	return fdio.Read(fd, p)
}

// stop makes it unwanted: nothing is read of it when it returns.
func (s *source) stop() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwanted = true
	_ = s.ready.SetReadDeadline(time.Unix(1, 0))
}

// close closes what it has of its own.
func (s *source) close() {
	if s != nil {
		s.ready.Close()
	}
}
