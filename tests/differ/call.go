package differ

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long things may take before they count as hanging.
const (
	callTimeout = 15 * time.Second
	endTimeout  = 10 * time.Second
)

// A call is a runtime that runs, or has run. Its output goes to files, since a
// container can outlive it.
type call struct {
	cmd     *exec.Cmd
	name    string
	out     string // file
	errs    string // file
	stdin   *os.File
	console *console
	done    chan struct{}
	hung    bool
}

// A start says how to call a runtime.
type start struct {
	name   string // for reports and file names
	argv   []string
	dir    string
	env    []string
	umask  int
	fsize  int  // RLIMIT_FSIZE, 0 for ours
	stdin  bool // a pipe that stays open until release
	tty    bool // a terminal of the host's as stdin, stdout, stderr
	files  int  // descriptors from 3 up
	setsid bool
}

// begin starts it.
func (r *rig) begin(o start) (*call, error) {
	script := ""
	if o.umask != 0 {
		script = fmt.Sprintf("umask %04o; ", o.umask)
	}
	if o.fsize != 0 {
		script += fmt.Sprintf("ulimit -S -f %d; ", o.fsize/512)
	}
	if script != "" {
		o.argv = append([]string{"/bin/sh", "-c", script + `unset PWD OLDPWD; exec "$@"`, "sh"}, o.argv...)
	}
	c := &call{name: o.name, out: r.dir + "/" + o.name + ".out", errs: r.dir + "/" + o.name + ".err", done: make(chan struct{})}
	c.cmd = exec.Command(o.argv[0], o.argv[1:]...)
	c.cmd.Dir, c.cmd.Env = o.dir, append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, o.env...)
	if o.setsid {
		c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	closing, err := c.stdio(&o)
	if err == nil {
		for n := range o.files {
			f, err := os.OpenFile(fmt.Sprintf("%s/given%d", r.dir, n), os.O_CREATE|os.O_RDWR, 0o644)
			if err != nil {
				return nil, err
			}
			closing = append(closing, f)
			c.cmd.ExtraFiles = append(c.cmd.ExtraFiles, f)
		}
		err = c.cmd.Start()
	}
	for _, f := range closing {
		f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	go func() { c.cmd.Wait(); close(c.done) }()
	return c, nil
}

// stdio opens the files of a call and returns those that only it needs.
func (c *call) stdio(o *start) (closing []*os.File, err error) {
	if o.tty {
		master, slave, err := openPTY()
		if err != nil {
			return nil, err
		}
		c.console = newConsole(master)
		c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = slave, slave, slave
		c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		return []*os.File{slave}, nil
	}
	out, err := os.OpenFile(c.out, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	errs, err := os.OpenFile(c.errs, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = out, errs
	closing = []*os.File{out, errs}
	if o.stdin {
		read, write, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		c.cmd.Stdin, c.stdin = read, write
		closing = append(closing, read)
	}
	return closing, nil
}

// output is what has come so far.
func (c *call) output() string {
	if c.console != nil {
		return c.console.text()
	}
	data, _ := os.ReadFile(c.out)
	return string(data)
}

func (c *call) complaint() string {
	data, _ := os.ReadFile(c.errs)
	return strings.TrimSpace(string(data))
}

// release lets the program inside end.
func (c *call) release() {
	if c.stdin != nil {
		c.stdin.Close()
		c.stdin = nil
	}
	if c.console != nil {
		c.console.release()
	}
}

// wait waits for the runtime's end; one that hangs is killed.
func (c *call) wait() (code int) {
	select {
	case <-c.done:
	case <-time.After(callTimeout):
		c.hung = true
		c.cmd.Process.Kill()
		<-c.done
	}
	ws := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 1000 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// ended reports whether it has ended.
func (c *call) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// A console is the master of a terminal, which is read all the time.
type console struct {
	file *os.File
	mu   sync.Mutex
	seen strings.Builder
	end  chan struct{}
}

func newConsole(f *os.File) *console {
	c := &console{file: f, end: make(chan struct{})}
	go c.read()
	return c
}

func (c *console) read() {
	defer close(c.end)
	buf := make([]byte, 16<<10)
	for {
		n, err := c.file.Read(buf)
		c.mu.Lock()
		c.seen.Write(buf[:n])
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *console) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen.String()
}

func (c *console) release() { c.file.WriteString("\n") }

// close waits a little for the last words.
func (c *console) close() {
	select {
	case <-c.end:
	case <-time.After(100 * time.Millisecond):
	}
	c.file.Close()
	<-c.end
}

// openPTY makes a terminal of the host's, 31 by 97.
func openPTY() (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		fd, err = unix.Open("/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, nil, err
	}
	master = os.NewFile(uintptr(fd), "ptmx")
	err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		err = errors.Join(err, errno)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 31, Col: 97})
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, os.NewFile(peer, "pty"), nil
}

// A receiver takes one descriptor from a runtime: --console-socket.
type receiver struct{ fd int }

func listen(path string) (*receiver, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.Listen(fd, 4)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &receiver{fd}, nil
}

// take returns the descriptor, nil if none has come.
func (r *receiver) take() *os.File {
	conn, _, err := unix.Accept4(r.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return nil
	}
	defer unix.Close(conn)
	unix.SetsockoptTimeval(conn, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2})
	buf, oob := make([]byte, 4096), make([]byte, 256)
	_, n, _, _, err := unix.Recvmsg(conn, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) == 0 {
		return nil
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return nil
	}
	unix.SetNonblock(fds[0], true)
	return os.NewFile(uintptr(fds[0]), "console")
}
