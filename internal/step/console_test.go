package step

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/pty"
	"github.com/rung-oci/rung/internal/testbed"
)

// A request is one that a step makes of the runtime.
type request struct {
	err error // the answer
	fds []int // what came with it, the box's
}

// asked has the runtime answer what steps ask for.
func asked(b *box, err error) *request {
	b.Helper()
	r := &request{err: err}
	b.Host, b.requests = r, append(b.requests, r)
	return r
}

func (r *request) HostHooks() error                     { return r.err }
func (r *request) ContainerHooks(*ContainerHooks) error { return r.err }
func (r *request) NetDevices() error                    { return r.err }
func (r *request) Console(master int) error             { return r.take(master) }
func (r *request) MapIDs(tree int) error                { return r.take(tree) }

func (r *request) take(fd int) error {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	r.fds = append(r.fds, own)
	return r.err
}

func TestConsole(t *testing.T) {
	inBox(t, func(b *box) {
		b.fails(&Console{}, "open /dev/pts: no such file or directory")
		testbed.Tree(b, b.dir, "root/dev/pts/")
		b.fails(&Console{}, pty.ErrNoDevpts.Error())
		if err := unix.Mknod(b.root+"/dev/pts/ptmx", unix.S_IFCHR|0o666, int(unix.Mkdev(5, 2))); err != nil {
			b.Fatal(err)
		}
		b.fails(&Console{}, pty.ErrNoDevpts.Error()) // a decoy of the image's
		b.must(newMount(b.T, "devpts", "/dev/pts", "newinstance ptmxmode=0666 mode=0620"))

		got := asked(b, nil)
		b.must(&Console{Width: 132, Height: 43, Bind: true})
		fds := got.fds
		if len(fds) != 1 || len(b.Late) != 1 {
			b.Fatalf("masters %v, slaves %v, want one each", fds, b.Late)
		}
		tty := b.fetch(b.Late[0])
		ws, err := unix.IoctlGetWinsize(tty, unix.TIOCGWINSZ)
		if err != nil || ws.Col != 132 || ws.Row != 43 {
			b.Errorf("size = %+v, %v, want 132 columns, 43 rows", ws, err)
		}
		slave, console := b.stat(b.Late[0]), unix.Stat_t{}
		if err := unix.Stat(b.root+"/dev/console", &console); err != nil || console.Rdev != slave.Rdev || console.Ino != slave.Ino {
			b.Errorf("/dev/console isn't the terminal: %v", err)
		}
		if _, err := unix.Write(tty, []byte("hello")); err != nil {
			b.Error(err)
		}
		buf := make([]byte, 10)
		if n, err := unix.Read(fds[0], buf); string(buf[:max(n, 0)]) != "hello" {
			b.Errorf("read %q, %v", buf[:max(n, 0)], err)
		}

		asked(b, nil)
		b.must(&Console{})
		if ws, err := unix.IoctlGetWinsize(b.fetch(b.Late[1]), unix.TIOCGWINSZ); err != nil || ws.Col|ws.Row != 0 {
			b.Errorf("size = %+v, %v, want none", ws, err)
		}

		asked(b, fmt.Errorf("console socket: %w", unix.EPIPE))
		b.fails(&Console{}, "console socket: broken pipe")
	})
}

// An image's /dev/console or /dev may lead anywhere: the terminal goes nowhere
// else.
func TestConsoleDecoys(t *testing.T) {
	for before, want := range map[string]string{
		"root/dev/console -> /outside": "bind /dev/console: is a symbolic link: too many levels of symbolic links",
		"root/dev/console/":            "bind /dev/console: is a directory",
	} {
		inBox(t, func(b *box) {
			testbed.Tree(b, b.dir, before, "outside", "root/outside")
			b.must(newMount(b.T, "devpts", "/dev/pts", "newinstance"))
			b.fails(&Console{Bind: true}, want)
			if b.info("/outside")+b.info("/../outside") != "" {
				b.Error("mounted elsewhere")
			}
		})
	}
}
