package libcontainer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// Our own streams cost nothing, but a terminal is copied to and from them too, unless somebody else does that.
func TestOwnStreams(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		same := testbed.Same(t, os.Getpid())
		s, err := openStreams(os.Stdin, os.Stdout, os.Stderr, terminal)
		if err != nil {
			t.Fatal(err)
		}
		if s.list() != nil || copied(os.Stdin, os.Stdout, os.Stderr) {
			t.Errorf("our own are given as %v", s.list())
		}
		s.attach(new(Terminal))
		if want := map[bool]int{true: 2}[terminal]; len(s.copies) != want {
			t.Errorf("terminal %v: %d copies, want %d", terminal, len(s.copies), want)
		}
		s.close()
		same()
	}
}

// What isn't started is closed, whatever it was made of; numbers up to 2 go to their places only.
func TestUnstartedStreams(t *testing.T) {
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	same := testbed.Same(t, os.Getpid())
	for _, tt := range []struct {
		in       io.Reader
		out, err io.Writer
		made     int
		copies   bool
	}{
		{nil, nil, nil, 3, false},
		{file, file, file, 0, false},
		{os.Stdout, os.Stderr, os.Stdin, 3, false},
		{os.Stdin, os.Stdout, os.Stdout, 1, false},
		{nil, os.Stderr, os.Stderr, 2, false},
		{strings.NewReader(""), new(bytes.Buffer), io.Discard, 3, true},
	} {
		s, err := openStreams(tt.in, tt.out, tt.err, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.made) != tt.made || copied(tt.in, tt.out, tt.err) != tt.copies {
			t.Errorf("%v: %d descriptors of ours", tt, len(s.made))
		}
		for i, fd := range s.list() {
			if fd < 3 && fd != i {
				t.Errorf("%v: descriptor %d for %d", tt, fd, i)
			}
			if fd < 3 {
				continue
			}
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("%v: descriptor %d is inheritable: %v", tt, fd, err)
			}
		}
		s.close()
	}
	same()
	var none *os.File
	if _, err := openStreams(none, nil, nil, false); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("no file: %v", err)
	}
	same()
}

// What is passed are copies above all the numbers that the process has for them, after what systemd has given; a restore has them where the images
// have a pipe from outside.
func TestPassedFiles(t *testing.T) {
	var two [2]*os.File
	for i := range two {
		var err error
		if two[i], err = os.Open("/dev/null"); err != nil {
			t.Fatal(err)
		}
		defer two[i].Close()
	}
	same := testbed.Same(t, os.Getpid())
	const listen = 1 // whatever descriptor 3 is
	s, err := openStreams(os.Stdin, os.Stdout, os.Stderr, false)
	if err == nil {
		err = s.pass(listen, two[:])
	}
	if err != nil || len(s.extra) != listen+len(two) {
		t.Fatalf("%v, %v", s.extra, err)
	}
	for i, fd := range s.extra {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 || fd < 3+len(s.extra) {
			t.Errorf("descriptor %d is %d, flags %#x, %v", 3+i, fd, flags, err)
		}
	}
	r := &restoration{creation: &creation{streams: s}}
	for fd, want := range []int{0, 1, 2, s.extra[0], s.extra[1], s.extra[2], 6} {
		if got := r.stream(fd); got != want {
			t.Errorf("stream(%d) = %d, want %d", fd, got, want)
		}
	}
	s.close()
	same()
}
