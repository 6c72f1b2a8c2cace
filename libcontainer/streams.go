package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/tty"
)

// streams are the standard streams of a process: what it has of them, and what is copied for it by goroutines.
type streams struct {
	stdio  [3]int     // the process's; ours if own
	own    bool       // they are our own, in their places
	extra  []int      // its descriptors from 3 on, as copies; nil: what we have by these numbers
	made   []int      // those that are to be closed when the process has them
	lent   []*os.File // the caller's, which must not be collected as garbage until the process has them
	ends   []*os.File // our ends of pipes
	input  *os.File   // that of stdin, or nil
	output []*os.File // those of the others
	copies []func()   // to be done as long as the process lives
	in     io.Reader  // for the terminal, as long as there is none
	out    io.Writer
	typing *tty.Typing
	left   atomic.Int32
	done   chan struct{} // closed when all output is copied
	mu     sync.Mutex
	err    error // the first of copying output
	inErr  error // that of the reader
}

// openStreams opens the streams of a process. One that has a terminal gets nothing of them but that.
func openStreams(in io.Reader, out, err io.Writer, terminal bool) (*streams, error) {
	s := &streams{done: make(chan struct{})}
	if terminal {
		s.in, s.out = in, out
	}
	if in == io.Reader(os.Stdin) && out == io.Writer(os.Stdout) && err == io.Writer(os.Stderr) && os.Stdin.Fd() == 0 && os.Stdout.Fd() == 1 && os.Stderr.Fd() == 2 {
		s.own = true
		return s, nil
	}
	if terminal {
		in, out, err = nil, nil, nil
	}
	for i, open := range [...]func() (int, error){
		func() (int, error) { return s.reading(in) },
		func() (int, error) { return s.writing(out, 1) },
		func() (int, error) {
			if _, file := err.(*os.File); !file && same(out, err) {
				return s.stdio[1], nil
			}
			return s.writing(err, 2)
		},
	} {
		fd, oerr := open()
		if oerr != nil {
			s.close()
			return nil, fmt.Errorf("open %s: %w", [...]string{"stdin", "stdout", "stderr"}[i], oerr)
		}
		s.stdio[i] = fd
	}
	return s, nil
}

// copied tells whether one of them would have to be copied.
func copied(in io.Reader, out, err io.Writer) bool {
	for _, stream := range []any{in, out, err} {
		if _, file := stream.(*os.File); stream != nil && !file {
			return true
		}
	}
	return false
}

// same tells whether two writers are one. Those of a type that can't be compared aren't.
func same(a, b io.Writer) (yes bool) {
	defer func() { _ = recover() }()
	return a != nil && a == b
}

// list is what the process is to have; nil: what we have.
func (s *streams) list() []int {
	if s == nil || s.own {
		return nil
	}
	return s.stdio[:]
}

// ours notes a descriptor that is to be closed when the process has its own.
func (s *streams) ours(fd int, err error) (int, error) {
	if err == nil {
		s.made = append(s.made, fd)
	}
	return fd, err
}

func (s *streams) null() (int, error) {
	return s.ours(unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0))
}

// file is a file of the caller's: it is passed as it is. The numbers up to 2 are for those that go there.
func (s *streams) file(f *os.File, place int) (int, error) {
	if f == nil {
		return -1, os.ErrInvalid
	}
	fd := int(f.Fd())
	switch {
	case fd < 0:
		return -1, os.ErrClosed
	case fd < 3 && fd != place:
		return s.ours(unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3))
	}
	s.lent = append(s.lent, f)
	return fd, nil
}

// pipe makes a pipe, of which one end is the process's.
func (s *streams) pipe(ours, theirs int) (f *os.File, fd int, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, fmt.Errorf("make pipe: %w", err)
	}
	s.made = append(s.made, ends[theirs])
	if err := unix.SetNonblock(ends[ours], true); err != nil { // so that reading it holds no thread
		unix.Close(ends[ours])
		return nil, -1, err
	}
	f = os.NewFile(uintptr(ends[ours]), "pipe of a process")
	s.ends = append(s.ends, f)
	return f, ends[theirs], nil
}

func (s *streams) reading(r io.Reader) (int, error) {
	switch f := r.(type) {
	case nil:
		return s.null()
	case *os.File:
		return s.file(f, 0)
	}
	f, fd, err := s.pipe(1, 0)
	if err != nil {
		return -1, err
	}
	s.input = f
	s.copies = append(s.copies, func() {
		if _, err := io.Copy(f, r); !refused(err, f) {
			s.mu.Lock()
			s.inErr = err
			s.mu.Unlock()
		}
		f.Close() // after its reader's error is known, for the process may end by it
	})
	return fd, nil
}

// refused tells whether it is the process that has taken no more, which is its own affair.
func refused(err error, pipe *os.File) bool {
	at, ok := errors.AsType[*os.PathError](err)
	return ok && at.Op == "write" && at.Path == pipe.Name() && (errors.Is(err, unix.EPIPE) || errors.Is(err, os.ErrClosed))
}

func (s *streams) writing(w io.Writer, place int) (int, error) {
	switch f := w.(type) {
	case nil:
		return s.null()
	case *os.File:
		return s.file(f, place)
	}
	f, fd, err := s.pipe(0, 1)
	if err != nil {
		return -1, err
	}
	s.output = append(s.output, f)
	s.left.Add(1)
	s.copies = append(s.copies, func() {
		_, err := io.Copy(w, f)
		f.Close()
		s.ended(err)
	})
	return fd, nil
}

// ended notes that an output has come to its end.
func (s *streams) ended(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	if s.left.Add(-1) == 0 {
		close(s.done)
	}
}

// start begins to copy. The process has its streams.
func (s *streams) start() {
	fdio.CloseAll(s.made)
	s.made, s.lent, s.ends = nil, nil, nil
	if s.left.Load() == 0 {
		close(s.done)
	}
	for _, c := range s.copies {
		go c()
	}
}

// attach has a terminal in the place of streams.
func (s *streams) attach(t *Terminal) {
	if in := s.in; in != nil {
		f, file := in.(*os.File)
		s.typing = tty.NewTyping(t.file, in, !file || !tty.IsFile(f))
		t.typing = s.typing
		s.copies = append(s.copies, s.typing.Run)
	}
	if out := s.out; out != nil {
		s.left.Add(1)
		s.copies = append(s.copies, func() {
			_, err := io.Copy(out, t)
			t.Close()
			s.ended(err)
		})
	}
}

// wait waits until all output is copied, after the process's end. What the caller has still for it nobody reads; that its reader has failed before is an error.
func (s *streams) wait(ctx context.Context) error {
	if s == nil { // others have opened them
		return nil
	}
	s.endInput()
	select {
	case <-s.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil && !errors.Is(s.err, os.ErrClosed) {
		return fmt.Errorf("copy output: %w", s.err)
	}
	if err := cmp.Or(s.inErr, s.typing.Err()); err != nil {
		return fmt.Errorf("copy input: %w", err)
	}
	return nil
}

// endInput ends what is copied to a process that has ended.
func (s *streams) endInput() {
	if s.input != nil {
		s.input.Close()
	}
	s.typing.Stop()
}

// lastWords is how long output may still take of a process that has ended when nobody wants to wait any more.
const lastWords = 100 * time.Millisecond

// stop ends copying: nothing is written any more when it returns. Who has the other ends still is told by a SIGPIPE.
func (s *streams) stop() {
	if s == nil {
		return
	}
	s.endInput()
	select {
	case <-s.done:
		return
	case <-time.After(lastWords):
	}
	for _, f := range s.output {
		f.Close()
	}
	<-s.done
}

// close lets go of streams that no process has got.
func (s *streams) close() {
	if s == nil {
		return
	}
	fdio.CloseAll(s.made)
	for _, f := range s.ends {
		f.Close()
	}
	s.made, s.ends = nil, nil
}
