// Package spawn starts players of tapes, and ends and reaps processes that are ours to reap.
package spawn

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/seal"
	"github.com/rung-oci/rung/nsenter"
)

// Slack is the timer slack, in ns, of threads of the Go runtime. Its monitor
// thread polls every 20 µs while a program is young, some hundred times in the
// life of a player in Go, and each time costs several µs in a virtual machine; 5 ms end
// that. The program's entry point sets it (package cli/entry). Threads inherit it, so whoever forks takes [nsenter.TimerSlack] back
// before.
const Slack = 5_000_000

// A Start is a player to be started. It inherits the descriptors of its arena and its progress record, and others,
// under the numbers that they have here.
type Start struct {
	Program         nsenter.Program
	Title           string // what ps(1) shows of it
	Arena, Progress int
	Size            int          // of the arena
	Helper          nsenter.Slot // takes the pid of the process that a player in Go has in its place
	Inherit         []int
	Stdio           []int // its standard streams; nil: ours
	Extra           []int // see [nsenter.Spawn]

	Kind string // what it is, and why, once it is started
}

// A refusal is why there is no program of one page.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	noProgram refusal = "there is none of machine code for this architecture"
	noMemory  refusal = "the kernel doesn't execute one of machine code"
	notWanted refusal = "a test wants it"
)

// Player starts a player as a child of the calling thread, with which it dies: the program of one page or, where
// there is none for this architecture or memory isn't executed (vm.memfd_noexec, a security
// module), a sealed copy of our own program, which does the same more slowly.
func (s *Start) Player() (child Child, pidfd int, err error) {
	s.Kind = "machine code"
	child.PID, pidfd, err = s.program()
	if why, ok := errors.AsType[refusal](err); ok {
		s.Kind = "in Go, because " + string(why)
		child.PID, pidfd, err = s.inGo()
	}
	if err != nil {
		return Child{}, -1, fmt.Errorf("start player: %w", err)
	}
	return child, pidfd, nil
}

func (s *Start) inherit() []int {
	return append(slices.Clip(s.Inherit), s.Arena, s.Progress)
}

func (s *Start) program() (pid, pidfd int, err error) {
	switch {
	case !nsenter.HaveProgram:
		return 0, -1, noProgram
	case fault.Text("RUNG_PLAYER") == "go":
		return 0, -1, notWanted
	}
	exe, err := seal.Program(s.Program.Executable(s.Arena, s.Progress))
	if err != nil {
		return 0, -1, noMemory
	}
	defer exe.Close()
	// Its command line anybody can read: it is its name.
	pid, pidfd, err = nsenter.Spawn{Exe: exe.FD, Args: []string{s.Title}, Inherit: s.inherit(), Stdio: s.Stdio, Extra: s.Extra, Slack: nsenter.TimerSlack}.Start()
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		err = noMemory
	}
	return pid, pidfd, err
}

func (s *Start) inGo() (pid, pidfd int, err error) {
	exe, err := seal.Executable(false)
	if err != nil {
		return 0, -1, err
	}
	defer exe.Close()
	args := append([]string{Name}, numbers{s.Arena, s.Size, int(s.Program.Ops), int(s.Program.Count), s.Progress, int(s.Helper)}.text()...)
	return nsenter.Spawn{Exe: exe.FD, Args: args, Env: environment, Inherit: s.inherit(), Stdio: s.Stdio, Extra: s.Extra, Slack: Slack}.Start()
}

// numbers are what a player in Go is told: the descriptor of its arena and that one's size, where the tape begins in it
// and how many entries it has, the descriptor of its progress record, and where the pid of its fork goes.
type numbers [6]int

func (n numbers) text() (list []string) {
	for _, v := range n {
		list = append(list, strconv.Itoa(v))
	}
	return list
}

// parse reads what text has made.
func (n *numbers) parse(list []string) (err error) {
	if len(list) != len(n) {
		return unix.EINVAL
	}
	for i, s := range list {
		if n[i], err = strconv.Atoi(s); err != nil {
			return err
		}
	}
	return nil
}
