// Package spawn starts the init stage: a sealed copy of the running program
// that waits for its orders.
package spawn

import (
	"fmt"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seal"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

// Name is argv[0] of the stage and of its builder. argv[1] is the descriptor
// that brings their orders.
const Name = "rung-init"

// Env is the environment of the stage and of its builder: they do one thing
// after the other, and every thread that the Go runtime doesn't make is time.
var Env = []string{"GOMAXPROCS=1"}

// Slack is the timer slack, in ns, of threads of the Go runtime. Its monitor
// thread polls every 20 µs while a program is young, some hundred times in the
// life of a stage, and each time costs several µs in a virtual machine; 5 ms end
// that. Threads inherit it, so whoever forks takes [nsenter.TimerSlack] back
// before.
const Slack = 5_000_000

// A Stage is a started init stage.
type Stage struct {
	Child
	Conn wire.Conn // to it
	Exe  seal.Exe  // what it runs

	locked bool // the goroutine that has started it is locked to its thread
}

// NoStage stands for a stage where there is none.
func NoStage() *Stage { return &Stage{Conn: wire.Conn{FD: -1}, Exe: seal.None} }

// Start starts a stage. It keeps to one processor until it calls [Unpin]: the
// Go runtime passes control between several threads while it starts, which the
// kernel likes to put behind us on ours, and the stage would wait until we do.
// The descriptors from 3 on, as many as preserve says,
// go with it. When the calling thread ends, the stage dies, and a thread of Go ends when
// some goroutine has locked it and returns: so the caller has it until [Stage.Close], which
// he has to call himself.
func Start(preserve int) (_ *Stage, err error) {
	runtime.LockOSThread()
	defer func() {
		if err != nil {
			runtime.UnlockOSThread()
		}
	}()
	exe, err := seal.Executable(false)
	if err != nil {
		return nil, err
	}
	conn, theirs, err := wire.Pair()
	if err != nil {
		exe.Close()
		return nil, err
	}
	defer theirs.Close()
	inherit := []int{theirs.FD}
	for i := range preserve {
		inherit = append(inherit, 3+i)
	}
	pid, pidfd, err := nsenter.Spawn{
		Exe: exe.FD, Args: []string{Name, strconv.Itoa(theirs.FD)}, Env: Env, Inherit: inherit, Slack: Slack, Pin: true,
	}.Start()
	if err != nil {
		conn.Close()
		exe.Close()
		return nil, fmt.Errorf("start init stage: %w", err)
	}
	unix.Close(pidfd)
	return &Stage{Child: Child{PID: pid}, Conn: conn, Exe: exe, locked: true}, nil
}

// Close ends the stage if it still lives and closes what belongs to it.
func (s *Stage) Close() {
	if s == nil {
		return
	}
	s.Kill()
	s.Exe.Close()
	if s.Conn.FD >= 0 {
		s.Conn.Close()
		s.Conn.FD = -1
	}
	if s.locked {
		s.locked = false
		runtime.UnlockOSThread()
	}
}
