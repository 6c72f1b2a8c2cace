// Package criu has CRIU dump and restore trees of processes: it starts `criu swrk`, which takes requests
// over a socket, and answers what that asks meanwhile.
//
// The messages are those of CRIU's rpc.proto, of which only what is used here is encoded and decoded: see
// docs/adr/0024. Nothing of the package is initialized before it is called.
package criu

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/spawn"
	"github.com/rung-oci/rung/internal/wire"
)

// Oldest is the oldest version that is used, as [Client.Version] has it: 3.17 has
// the second engine for mounts, and restores labels of a choice.
const Oldest = 31700

// The descriptors that CRIU begins with, beside its standard streams.
const (
	socketAt  = 3
	inheritAt = 4
)

// A Start is a CRIU to be started.
type Start struct {
	Program string         // its path, see [Find]
	Inherit []int          // what it gets beside the socket and its standard streams: see [InheritFD]
	Stop    *cancel.Signal // see [Client.Stop]
	Shell   bool           // its standard streams and its session are ours, for what is to be restored as a part of those
}

// A Client is a CRIU that waits for requests.
type Client struct {
	PID     int
	Version int // 40101: 4.1.1
	// Stop ends waits for answers, with the process. Nobody's context is to end a dump like that: see [Client.Ask].
	Stop *cancel.Signal

	conn   wire.Conn
	child  spawn.Child
	group  bool // it has a process group of its own, with the programs that it starts
	pidfd  int
	output int // a file with what it has printed, which is nothing once it has a log
}

// Run starts it in the namespaces of the calling thread, and asks for its version. If its caller dies it goes on to where it has to ask
// something: a dump that is broken off in the middle would leave processes as CRIU has made them.
func (s *Start) Run() (_ *Client, err error) {
	c := &Client{Stop: s.Stop, pidfd: -1, output: -1}
	ours, theirs, err := wire.Pair()
	if err != nil {
		return nil, err
	}
	c.conn = ours
	defer theirs.Close()
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	// A container with hundreds of mounts makes a request that is longer than the usual.
	_ = unix.SetsockoptInt(ours.FD, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, maxMessage)
	if c.output, err = unix.MemfdCreate("criu", unix.MFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make output file: %w", err)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/null: %w", err)
	}
	defer unix.Close(null)
	files := []uintptr{uintptr(null), uintptr(c.output), uintptr(c.output), uintptr(theirs.FD)}
	if s.Shell {
		files = []uintptr{0, 1, 2, uintptr(theirs.FD)}
	}
	for _, fd := range s.Inherit {
		files = append(files, uintptr(fd))
	}
	c.child.PID, err = syscall.ForkExec(s.Program, []string{"criu", "swrk", fmt.Sprint(socketAt)}, &syscall.ProcAttr{
		Env: environment(), Files: files, Sys: &syscall.SysProcAttr{Setpgid: !s.Shell, PidFD: &c.pidfd},
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Program, err)
	}
	c.PID, c.group = c.child.PID, !s.Shell
	return c, nil
}

// environment is ours: CRIU calls iptables and nft.
func environment() []string {
	env := os.Environ()
	if !slices.ContainsFunc(env, func(s string) bool { return strings.HasPrefix(s, "PATH=") }) {
		env = append(env, "PATH="+defaultPath)
	}
	return env
}

// Close ends the conversation and reaps the process, which is killed if it doesn't end by that.
func (c *Client) Close() {
	c.conn.Close()
	if c.pidfd >= 0 {
		fds := []unix.PollFd{{Fd: int32(c.pidfd), Events: unix.POLLIN}}
		if ended, err := fdio.Poll(fds, time.Now().Add(closeWait)); err != nil || !ended {
			c.Kill()
		}
		c.child.Wait()
		unix.Close(c.pidfd)
		c.pidfd = -1
	}
	if c.output >= 0 {
		unix.Close(c.output)
		c.output = -1
	}
}

// closeWait is how long a CRIU may take that has nothing to do any more.
const closeWait = 5 * time.Second

// Kill kills the process, and the programs that it has started, which wouldn't end with it. What it has restored so far is not its child.
func (c *Client) Kill() {
	_ = unix.PidfdSendSignal(c.pidfd, unix.SIGKILL, nil, 0)
	c.killGroup()
}

// killGroup kills what is in the process's group, as long as its pid can't be another's.
func (c *Client) killGroup() {
	if c.group && c.pidfd >= 0 {
		_ = unix.Kill(-c.PID, unix.SIGKILL)
	}
}

// ErrHangs is why a CRIU was killed.
var ErrHangs = errors.New("it has shown no sign of life")

// A Notify hears what CRIU does, by the name of an action script, with the pid of the tree's root if there is one, and descriptors, which
// are closed afterwards. CRIU waits for it, and gives up if it fails.
type Notify func(script string, pid int, fds []int) error

// A Patience is how long a request may take.
type Patience struct {
	Idle  time.Duration // how long there may be no sign of life; 0: any time
	Signs func() uint64 // a number that grows with what is done
}

// Ask has CRIU do something, and answers until that is done. The error of a request that fails is a [*Failure].
//
// A CRIU that is killed leaves processes as it has made them, where a notification that fails has it take back what it has done.
func (c *Client) Ask(r *Request, notify Notify, p Patience) (*Response, error) {
	if err := c.send(r); err != nil {
		return nil, c.explain(err)
	}
	var refused error
	for {
		resp, fds, err := c.receive(p)
		if err != nil {
			if refused != nil {
				return nil, refused
			}
			return nil, c.explain(err)
		}
		if resp.Type != Notification {
			fdio.CloseAll(fds)
			switch {
			case refused != nil:
				return nil, refused
			case !resp.Success:
				return nil, &Failure{What: r.Type, Errno: syscall.Errno(resp.Errno), Message: cmp.Or(resp.Message, c.said())}
			case resp.Type != r.Type:
				return nil, fmt.Errorf("criu answers %s to %s", resp.Type, r.Type)
			}
			return resp, nil
		}
		if refused == nil && notify != nil {
			refused = notify(resp.Script, resp.PID, fds)
		}
		fdio.CloseAll(fds)
		if err := c.send(&Request{Type: Notification, Agreed: refused == nil}); err != nil && refused == nil {
			return nil, c.explain(err)
		}
	}
}

// Greet asks for the version, and refuses one that is too old.
func (c *Client) Greet() error {
	resp, err := c.Ask(&Request{Type: Version, KeepOpen: true}, nil, Patience{Idle: greetWait})
	if err != nil {
		return err
	}
	c.Version = resp.Version
	if c.Version < Oldest {
		return fmt.Errorf("criu is of version %s, and has to be %s or later", VersionText(c.Version), VersionText(Oldest))
	}
	return nil
}

// greetWait bounds what takes no time.
const greetWait = 20 * time.Second

// VersionText is a version as people write it.
func VersionText(v int) string { return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100) }

// Failure is the error of a request that CRIU says to have failed.
type Failure struct {
	What    Type
	Errno   syscall.Errno
	Message string
}

// Error has runc's text, which has no message.
func (f *Failure) Error() string {
	text := fmt.Sprintf("criu failed: type %s errno %d", f.What, int(f.Errno))
	if f.Message != "" {
		text += ": " + strings.TrimSpace(f.Message)
	}
	return text
}

// Unwrap is the errno, if it is one.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// explain adds how CRIU has ended and what it has printed to why there is no answer.
func (c *Client) explain(err error) error {
	if errors.Is(err, ErrHangs) || c.Stop.Err() != nil {
		c.Kill()
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("criu: %w", err)
	}
	fds := []unix.PollFd{{Fd: int32(c.pidfd), Events: unix.POLLIN}}
	if ended, perr := fdio.Poll(fds, time.Now().Add(closeWait)); perr != nil || !ended {
		return errors.New("criu has closed the connection")
	}
	c.killGroup()
	c.group = false
	c.child.Wait()
	text := "criu has ended"
	switch ws := c.child.Status; {
	case ws.Signaled():
		text += ": signal: " + ws.Signal().String()
	default:
		text += fmt.Sprintf(": exit status %d", ws.ExitStatus())
	}
	if said := c.said(); said != "" {
		text += ": " + said
	}
	return errors.New(text)
}

// said is the end of what was printed, in one line.
func (c *Client) said() string {
	buf := make([]byte, maxSaid)
	size, err := unix.Seek(c.output, 0, unix.SEEK_END)
	if err != nil {
		return ""
	}
	n, err := unix.Pread(c.output, buf, max(0, size-maxSaid))
	if err != nil {
		return ""
	}
	return strings.Join(strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == '\n' }), "; ")
}

const maxSaid = 1000

// Features asks for what the kernel has.
func (c *Client) Features(want Features) (Features, error) {
	resp, err := c.Ask(&Request{Type: FeatureCheck, KeepOpen: true, Features: &want}, nil, Patience{Idle: greetWait})
	if err != nil {
		return Features{}, err
	}
	return resp.Features, nil
}
