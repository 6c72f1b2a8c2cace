package libcontainer

import "golang.org/x/sys/unix"

// files collects descriptors that are closed together.
type files struct {
	list []int
	err  error
}

func (f *files) open(fd int, err error) int {
	switch {
	case err == nil:
		f.list = append(f.list, fd)
	case f.err == nil:
		f.err = err
	}
	return fd
}

func (f *files) close() {
	for _, fd := range f.list {
		unix.Close(fd)
	}
}
