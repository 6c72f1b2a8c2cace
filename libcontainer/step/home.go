package step

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// Home finds the home directory of the container's user in the container's own
// /etc/passwd and completes the environment of the waiting first process.
type Home struct {
	UID     uint32
	Text    nsenter.Slot // room for HomeSize bytes
	Pointer nsenter.Slot // the word of the environment that will point there
}

// HomeSize is the room for HOME=… with its NUL.
const HomeSize = 4096

// maxPasswd is how much of the image's file is read.
const maxPasswd = 4 << 20

func (s *Home) String() string { return "find home directory" }

// Code carries the fields.
func (s *Home) Code(c *wire.Codec) {
	t, p := uint64(s.Text), uint64(s.Pointer)
	c.Uint32(&s.UID)
	c.Uint64(&t)
	c.Uint64(&p)
	s.Text, s.Pointer = nsenter.Slot(t), nsenter.Slot(p)
}

// Run never fails: an image without a usable file gives "/".
func (s *Home) Run(e *Env) error {
	home := "/"
	if fd, err := e.Root.OpenRegular("/etc/passwd"); err == nil {
		home = homeOf(fd, s.UID)
		unix.Close(fd)
	}
	if len(home)+len("HOME=")+1 > HomeSize {
		home = "/"
	}
	e.Arena.SetString(s.Text, s.Pointer, "HOME="+home)
	return nil
}

// homeOf searches the passwd file fd, in a bounded piece of memory however
// long its lines are.
func homeOf(fd int, uid uint32) string {
	buf := make([]byte, 32<<10)
	have, long := 0, false
	for total := 0; total < maxPasswd; {
		n, err := unix.Read(fd, buf[have:])
		if err == unix.EINTR {
			continue
		}
		end := err != nil || n <= 0
		have += max(n, 0)
		total += max(n, 0)
		rest := buf[:have]
		for {
			line, after, ok := bytes.Cut(rest, []byte{'\n'})
			if !ok && !end {
				break
			}
			if home, ok := passwdHome(line, uid); ok && !long {
				return home
			}
			if long = false; !ok {
				return "/"
			}
			rest = after
		}
		have = copy(buf, rest)
		if have == len(buf) { // a line longer than the buffer is no user
			have, long = 0, true
		}
	}
	return "/"
}

// passwdHome is the home directory in one line of passwd(5) if it is uid's.
func passwdHome(line []byte, uid uint32) (string, bool) {
	f := bytes.SplitN(line, []byte{':'}, 7)
	if len(f) < 6 {
		return "", false
	}
	n, err := strconv.ParseUint(string(f[2]), 10, 32)
	if err != nil || uint32(n) != uid || len(f[5]) == 0 || f[5][0] != '/' || bytes.IndexByte(f[5], 0) >= 0 {
		return "", false
	}
	return string(f[5]), true
}
