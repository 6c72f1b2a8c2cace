package libcontainer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/state"
)

// notifyDir is where a container finds its sd_notify(3) socket.
const notifyDir = "/run/notify"

const notifySocket = "notify.sock"

// notify gives the container a socket of its own if our caller wants to be
// notified: the caller's would let it say anything.
func (c *creation) notify(o *plan.Options) {
	if c.r.notifySocket() == "" {
		return
	}
	o.Env = append(o.Env, "NOTIFY_SOCKET="+notifyDir+"/"+notifySocket)
	o.Mounts = append(o.Mounts, specs.Mount{
		Destination: notifyDir, Source: filepath.Join(c.r.Root, c.opt.ID, state.NotifyName),
		Options: []string{"bind", "nosuid", "noexec", "nodev", "ro"},
	})
}

// listenNotify makes the directory that is mounted there. The socket comes
// into it when somebody serves it: start or run.
func (c *creation) listenNotify() error {
	if c.r.notifySocket() == "" {
		return nil
	}
	err := unix.Mkdirat(c.entry.FD, state.NotifyName, 0o755)
	if err == nil {
		err = unix.Fchmodat(c.entry.FD, state.NotifyName, 0o755, 0)
	}
	if err != nil {
		return fmt.Errorf("make notify directory: %w", err)
	}
	return nil
}

// A notifier passes a container's readiness on.
type notifier struct {
	fd   int
	host string
}

// notifySocket is where our caller wants to be notified, or "".
func (r *Runtime) notifySocket() string {
	if !r.Effects.Systemd {
		return ""
	}
	return os.Getenv("NOTIFY_SOCKET")
}

// newNotifier binds the container's socket; nil if nobody wants to know: then there is no host's.
func newNotifier(e *state.Entry, host string) (*notifier, error) {
	if host == "" {
		return nil, nil
	}
	dir, err := e.OpenFile(state.NotifyName, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, nil // created without one
	}
	defer unix.Close(dir)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make notify socket: %w", err)
	}
	_ = unix.Unlinkat(dir, notifySocket, 0) // left by a start that was killed
	path := fmt.Sprintf("/proc/self/fd/%d/%s", dir, notifySocket)
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.Chmod(path, 0o777) // the container's user may be anybody
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind notify socket: %w", err)
	}
	return &notifier{fd, host}, nil
}

func (n *notifier) close() {
	if n != nil {
		unix.Close(n.fd)
	}
}

// wait waits until the container says READY=1, and passes that on, or until it
// has ended, or stop comes.
func (n *notifier) wait(pid, pidfd int, stop *cancel.Signal) error {
	if n == nil {
		return nil
	}
	fds := []unix.PollFd{{Fd: int32(n.fd), Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}, stop.Poll()}
	buf := make([]byte, 4096)
	for {
		if _, err := fdio.Poll(fds, time.Time{}); err != nil {
			return fmt.Errorf("poll notify socket: %w", err)
		}
		if err := stop.Err(); err != nil {
			return err
		}
		if fds[0].Revents != 0 {
			size, err := unix.Read(n.fd, buf)
			if err == nil && ready(buf[:size]) {
				return n.tell(pid)
			}
		}
		if fds[1].Revents != 0 {
			return nil
		}
	}
}

func ready(message []byte) bool {
	for line := range bytes.Lines(message) {
		if string(bytes.TrimSpace(line)) == "READY=1" {
			return true
		}
	}
	return false
}

// barrierWait bounds the wait for the service manager.
const barrierWait = 30 * time.Second

// tell tells the host that the container is ready and which its main process
// is, and waits until that has been read: the manager must know us while we
// still live.
func (n *notifier) tell(pid int) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make notify socket: %w", err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrUnix{Name: n.host}
	for _, text := range []string{"READY=1\n", "MAINPID=" + strconv.Itoa(pid)} {
		if err := unix.Sendto(fd, []byte(text), unix.MSG_NOSIGNAL, to); err != nil {
			return fmt.Errorf("notify %s: %w", n.host, err)
		}
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(pipe[0])
	err = unix.Sendmsg(fd, []byte("BARRIER=1"), unix.UnixRights(pipe[1]), to, unix.MSG_NOSIGNAL)
	unix.Close(pipe[1])
	if err != nil {
		return fmt.Errorf("notify %s: %w", n.host, err)
	}
	_, _ = fdio.Await(pipe[0], time.Now().Add(barrierWait))
	return nil
}
