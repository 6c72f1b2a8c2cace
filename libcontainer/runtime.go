// Package libcontainer runs containers: the lifecycle of the OCI runtime
// specification as an API that a program can embed. Each verb has its own file.
//
// Processes of a container come from a player, a page of machine code. Where there is none for the architecture a sealed copy
// of the program is started in its place: package spawn then takes over before main.
package libcontainer

import (
	"errors"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/state"
)

// Runtime is a directory of containers and how to deal with them.
type Runtime struct {
	Root          string // state directory, absolute
	SystemdCgroup bool
	// NoCgroup makes containers without a cgroup of their own: they stay in ours.
	NoCgroup bool
	// Rootless says that a container which asks for neither limits nor a cgroup
	// gets one only where we are permitted to make one.
	Rootless bool
	// Warn is told what deserves a warning and isn't an error. It may be nil.
	Warn func(format string, args ...any)
	// Notice is told what went wrong without making a verb fail, such as a
	// poststop hook: people should see it. It may be nil.
	Notice func(format string, args ...any)
	// Debug is told what was decided, and why. It may be nil.
	Debug func(format string, args ...any)
	// Effects are what the verbs may do to the process that they run in.
	Effects Effects
}

// Effects are settings of the whole process that suit a command that does one thing
// and ends. A program that embeds this package leaves them off.
type Effects struct {
	// CloseOnExec makes every descriptor from 3 on close-on-exec, so that nothing
	// that our caller left open gets into a container or a hook. (What is open in a
	// Go program is so already, unless somebody has asked for it.)
	CloseOnExec bool
	// Undumpable closes the process to others that have its ids while it makes a
	// container, and from then on.
	Undumpable bool
	// Subreaper has Run in the foreground adopt and reap orphans: all children of
	// the process. Without it nobody's child but our own is waited for.
	Subreaper bool
	// Signals has Run and Exec in the foreground catch all signals of the process, and
	// pass them on.
	Signals bool
	// FileSize raises our limit of file sizes to the hard one where our caller's is lower.
	// Containers get the caller's.
	FileSize bool
	// LazyGC puts off the collection of garbage where a large configuration is read.
	LazyGC bool
	// SpareProcessor has List raise GOMAXPROCS by one where there are many containers, and Run and Exec by two
	// where they relay a terminal.
	SpareProcessor bool
}

// AllEffects are the effects that a command line wants.
var AllEffects = Effects{
	CloseOnExec: true, Undumpable: true, Subreaper: true, Signals: true, FileSize: true, LazyGC: true, SpareProcessor: true,
}

// closeOnExec is [Effects.CloseOnExec].
func (r *Runtime) closeOnExec() {
	if r.Effects.CloseOnExec {
		unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	}
}

// CreateOptions say which container to make, and how.
type CreateOptions struct {
	ID            string
	Bundle        string // directory with config.json
	ConsoleSocket string // path of the socket that gets the terminal's master; "": none
	PidfdSocket   string // path of the socket that gets a pidfd of the container's init; "": none
	PidFile       string // path of a file to hold the init's pid; "": none
	NoPivot       bool
	NoNewKeyring  bool
	PreserveFDs   int // descriptors from 3 on for the container, after those of LISTEN_FDS
}

// RunOptions say how [Runtime.Run] runs a container.
type RunOptions struct {
	CreateOptions
	Detach      bool // return once it runs
	Keep        bool // don't delete it when it ends
	NoSubreaper bool
	// Keeper is called with a pidfd of the init of a detached container, which runs, and is to start who calls [Runtime.Keep] with it. Its
	// error is Run's; the container runs on. It may be nil.
	Keeper func(pidfd int) error
}

// A State is what `state` and `list` tell of a container.
type State struct {
	OCIVersion  string
	ID          string
	PID         int // 0 when stopped
	Status      specs.ContainerState
	Bundle      string
	Rootfs      string
	Created     time.Time
	Annotations map[string]string
	UID         uint32 // of who made it
	Exit        *Exit  // how it has ended; nil: it hasn't, or nobody has seen it
}

// Exit is how a container's init has ended, as somebody has seen it.
type Exit = state.Exit

// The errors that callers tell apart. Engines match on their texts.
var (
	ErrExist      = state.ErrExist
	ErrNotExist   = state.ErrNotExist
	ErrInvalidID  = state.ErrInvalidID
	ErrNotRunning = errors.New("container not running")
	ErrNotPaused  = errors.New("container not paused")
	ErrRunning    = errors.New("cannot start an already running container")
	ErrStopped    = errors.New("cannot start a container that has stopped")
)

func (r *Runtime) store() state.Store { return state.Store{Root: r.Root} }

func (r *Runtime) notice(format string, args ...any) {
	if r.Notice != nil {
		r.Notice(format, args...)
	}
}

func (r *Runtime) warnAll(warnings []string) {
	for _, w := range warnings {
		r.warn("%s", w)
	}
}

func (r *Runtime) warn(format string, args ...any) {
	if r.Warn != nil {
		r.Warn(format, args...)
	}
}
