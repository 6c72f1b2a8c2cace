package nsenter

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// reporter is argv[0] of the test binary as the program that [Spawn] starts.
const reporter = "nsenter-reporter"

func TestMain(m *testing.M) {
	if os.Args[0] == reporter {
		report()
	}
	testbed.Main(m)
}

// report tells the descriptor argv[1] what Spawn has made of this process, and
// ends it.
func report() {
	fd, _ := strconv.Atoi(os.Args[1])
	var death int
	_ = unix.Prctl(unix.PR_GET_PDEATHSIG, uintptr(ptr2(&death)), 0, 0, 0)
	var open []string
	for _, a := range os.Args[2:] {
		n, _ := strconv.Atoi(a)
		if _, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err == nil {
			open = append(open, a)
		}
	}
	var ns unix.Stat_t
	_ = unix.Stat("/proc/self/ns/user", &ns)
	groups, _ := os.Getgroups()
	text := fmt.Sprintf("args %q env %d open %v death %d ids %d %d groups %d userns %d\n",
		os.Args, len(os.Environ()), open, death, os.Getuid(), os.Getgid(), len(groups), ns.Ino)
	_, _ = unix.Write(fd, []byte(text))
	os.Exit(7)
}

// alone has the tests' tapes played by a [Program] in place of a fork of ours.
var alone bool

// start forks a process that plays the tape.
func start(t *testing.T, tape *Tape) (int, Player) {
	t.Helper()
	if alone {
		return startProgram(t, tape)
	}
	p, err := NewLocal(tape.Image())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	pid, err := Fork(&CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, p)
	if err != nil {
		t.Fatal(err)
	}
	return pid, p
}

// run plays the tape in a process and waits for its end.
func run(t *testing.T, tape *Tape) (Player, unix.WaitStatus) {
	t.Helper()
	pid, p := start(t, tape)
	return p, testbed.Await(t, pid)
}

// pipe makes a pipe, closed with the test.
func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]) })
	t.Cleanup(func() { unix.Close(p[1]) })
	return p[0], p[1]
}

// readText reads what comes through a pipe.
func readText(t *testing.T, fd int) string {
	t.Helper()
	if !testbed.Readable(fd) {
		t.Fatal("nothing to read")
	}
	buf := make([]byte, 8192)
	n, err := unix.Read(fd, buf)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(buf[:n]))
}
