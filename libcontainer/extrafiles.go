package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/inherited"
)

// checkPassed refuses to hand on what nobody has meant to: of PreserveFDs a descriptor that isn't open, whose number ours would get, and one that is
// close-on-exec, as are ours, the Go runtime's and all that a Go program opens; of ExtraFiles what is no open file.
func checkPassed(listen, n int, files []*os.File) error {
	switch {
	case n < 0:
		return fmt.Errorf("PreserveFDs must not be negative: %d", n)
	case n > 0 && len(files) > 0:
		return errors.New("ExtraFiles and PreserveFDs are for the same descriptors: only one of them may be given")
	}
	for i, f := range files {
		raw, err := f.SyscallConn()
		if err == nil && raw.Control(func(uintptr) {}) != nil {
			err = os.ErrClosed
		}
		if err != nil {
			return fmt.Errorf("ExtraFiles[%d]: %w", i, err)
		}
	}
	return inherited.CheckPassed(listen + n)
}

// pass has the process get files as descriptors from 3 on, after so many that systemd has given us. What it gets are copies, which
// are numbered above all these and that nothing else of ours inherits: whoever opens and closes files meanwhile, or starts commands, has
// no part in it.
func (s *streams) pass(listen int, files []*os.File) error {
	if len(files) == 0 {
		return nil
	}
	over := 3 + listen + len(files)
	for i := range listen + len(files) {
		fd := 3 + i
		if i >= listen {
			fd = int(files[i-listen].Fd())
		}
		fd, err := s.ours(unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, over))
		if err != nil {
			return fmt.Errorf("pass descriptor %d: %w", 3+i, err)
		}
		s.extra = append(s.extra, fd)
	}
	runtime.KeepAlive(files)
	return nil
}
