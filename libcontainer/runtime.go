package libcontainer

import (
	"io"
	"os"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/state"
)

// Runtime is a directory of containers and how to deal with them. It must not be changed once it is used; its methods may be called from any goroutine
// at any time.
type Runtime struct {
	Root          string // state directory, absolute; it is made when it is needed
	SystemdCgroup bool   // has systemd make cgroups: cgroupsPath is "slice:prefix:name" then
	// NoCgroup makes containers without a cgroup of their own: they stay in ours.
	NoCgroup bool
	// Rootless says that a container which asks for neither limits nor a cgroup
	// gets one only where we are permitted to make one.
	Rootless bool
	// Warn is told what deserves a warning and isn't an error. It may be nil, as the following two; whichever there are are called from
	// several goroutines at once.
	Warn func(format string, args ...any)
	// Notice is told what went wrong without making a verb fail, such as a
	// poststop hook: people should see it.
	Notice func(format string, args ...any)
	// Debug is told what was decided, and why.
	Debug func(format string, args ...any)
	// Effects are what the methods may do to the process that they run in: nothing, unless it is asked for.
	Effects Effects
}

// Effects are settings of the whole process that suit a command that does one thing
// and ends. A program that embeds this package leaves them off: then nothing of the process's is changed, no signal is caught, no child waited for that
// isn't the package's own.
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
	// Signals has Run in the foreground catch all signals of the process, and
	// pass them on. When nobody runs any more they do what they did before.
	Signals bool
	// FileSize raises our limit of file sizes to the hard one where our caller's is lower.
	// Containers get the caller's.
	FileSize bool
	// Systemd has containers get what systemd has given our process: the sockets of LISTEN_FDS, before those of ExtraFiles or PreserveFDs, and somebody who tells
	// NOTIFY_SOCKET that the container is ready, which Start and Run then wait for.
	Systemd bool
	// LazyGC puts off the collection of garbage where a large configuration is read.
	LazyGC bool
	// SpareProcessor has List raise GOMAXPROCS by one where there are many containers, and Run by two
	// where it relays a terminal.
	SpareProcessor bool
	// Lasting spares Run and List to give back, at their end, what Signals and SpareProcessor have changed: the program ends too.
	Lasting bool
}

// AllEffects are the effects that a command line wants.
var AllEffects = Effects{
	CloseOnExec: true, Undumpable: true, Subreaper: true, Signals: true, Systemd: true, FileSize: true, LazyGC: true, SpareProcessor: true, Lasting: true,
}

// closeOnExec is [Effects.CloseOnExec].
func (r *Runtime) closeOnExec() {
	if r != nil && r.Effects.CloseOnExec {
		unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	}
}

// CreateOptions say which container to make, and how.
type CreateOptions struct {
	ID     string
	Bundle string      // directory with config.json, where the path of its root filesystem begins; "": the working directory
	Spec   *specs.Spec // the configuration; nil: that of config.json

	// The standard streams of the container's process. A file is passed as it is, and becomes its user's as far as that goes (fchown(2)); to and from what
	// is none a goroutine copies; what is nil is /dev/null. A process with a terminal has that in their place.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Detach says that nobody stays who would copy, or keep a terminal: streams have to be files then, and a terminal takes a ConsoleSocket. Run returns
	// once the program runs.
	Detach        bool
	ConsoleSocket string // path of the socket that gets the terminal's master; "": the caller keeps it, see [Container.Terminal]

	PidfdSocket  string // path of the socket that gets a pidfd of the container's init; "": none
	PidFile      string // path of a file to hold the init's pid; "": none
	NoPivot      bool
	NoNewKeyring bool
	// ExtraFiles are more files for the process, as of os/exec: entry i is its descriptor 3+i, whatever number it has here. None may be nil. They stay
	// their owner's.
	ExtraFiles []*os.File
	// PreserveFDs is for who has inherited descriptors, as the command line: so many from 3 on are the process's too, by the same numbers. One that isn't
	// open, or is close-on-exec, as what a Go program opens, is an error; so are ExtraFiles beside it.
	PreserveFDs int
}

// RunOptions say how [Runtime.Run] runs a container.
type RunOptions struct {
	CreateOptions
	Keep        bool // don't delete it when it ends
	NoSubreaper bool
	// Keeper is called with a pidfd of the init of a detached container, which runs, and is to start who calls [Container.Keep] with it. Its
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

// Exit is how a container's init has ended, as somebody has seen it: Status, the time At which that was, and whether a process of the container's was
// OOMKilled.
type Exit = state.Exit

// store is the state directory. A Container that nobody has made has no runtime: of none there is nothing to open.
func (r *Runtime) store() state.Store {
	if r == nil {
		return state.Store{}
	}
	return state.Store{Root: r.Root}
}

// given are options, by default those that say nothing.
func given[T any](o *T) *T {
	if o == nil {
		return new(T)
	}
	return o
}

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
