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
// at any time, and call what it has to be told from several at once.
type Runtime struct {
	Root          string // state directory, absolute; it is made when it is needed
	SystemdCgroup bool   // has systemd make cgroups: cgroupsPath is "slice:prefix:name" then
	NoCgroup      bool   // containers have no cgroup of their own: they stay in ours
	Rootless      bool   // a container that asks for neither limits nor a cgroup gets one only where we are permitted to make one

	Warn    func(format string, args ...any) // is told what deserves a warning and isn't an error; nil: nobody is
	Notice  func(format string, args ...any) // what went wrong without making a verb fail, such as a poststop hook: people should see it
	Debug   func(format string, args ...any) // what was decided, and why
	Effects Effects                          // what may be done to this process
}

// Effects are settings of the whole process that suit a command that does one thing
// and ends. A program that embeds this package leaves them off: then nothing of the process's is changed.
type Effects struct {
	CloseOnExec    bool // every descriptor from 3 on is made close-on-exec, also what our caller left open, so that no container or hook gets it
	Undumpable     bool // the process is closed to others that have its ids from its first create on
	Subreaper      bool // Run in the foreground adopts and reaps orphans: all children of the process
	Signals        bool // Run in the foreground catches all signals of the process, and passes them on
	FileSize       bool // our limit of file sizes is raised to the hard one; containers get the caller's
	Systemd        bool // containers get what systemd has given us: the sockets of LISTEN_FDS, before ExtraFiles or PreserveFDs, and who tells NOTIFY_SOCKET, for which Start and Run wait
	LazyGC         bool // garbage is collected later where a large configuration is read
	SpareProcessor bool // GOMAXPROCS grows by one while List has many containers, by two while Run relays a terminal
	Lasting        bool // Run and List don't give back what Signals and SpareProcessor have changed: the program ends too
}

// closeOnExec is [Effects.CloseOnExec].
func (r *Runtime) closeOnExec() {
	if r != nil && r.Effects.CloseOnExec {
		unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	}
}

// CreateOptions say which container to make, and how. Strings that are "" and what is nil ask for nothing, if nothing else is said.
type CreateOptions struct {
	ID     string
	Bundle string      // directory with config.json, where the path of its root filesystem begins; "": the working directory
	Spec   *specs.Spec // the configuration, all strings of which are UTF-8; nil: that of config.json

	// The standard streams. A file is passed as it is, and becomes the process's user's as far as that goes (fchown(2)); to and from what is none a goroutine
	// copies; what is nil is /dev/null. A process with a terminal has that in their place.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	ExtraFiles     []*os.File // entry i is descriptor 3+i of the process, as of os/exec, whatever number it has here; none may be nil
	PreserveFDs    int        // in their place so many descriptors that we have inherited, from 3 on; one that isn't open or is close-on-exec is an error
	Detach         bool       // nobody stays: streams have to be files, and a terminal takes a ConsoleSocket; Run returns once the program runs
	ConsoleSocket  string     // path of the socket that gets the terminal's master; "": it is [Container.Terminal]

	PidfdSocket  string // path of the socket that gets a pidfd of the container's init
	PidFile      string // path of a file to hold the init's pid
	NoPivot      bool
	NoNewKeyring bool
}

// RunOptions say how [Runtime.Run] runs a container.
type RunOptions struct {
	CreateOptions
	Keep        bool // don't delete it when it ends
	NoSubreaper bool
	// Keeper starts who calls [Container.Keep] with a pidfd of the init of a detached container, which runs. Its error is Run's; the container runs on.
	Keeper func(pidfd int) error
}

// A State is what is known of a container.
type State struct {
	OCIVersion  string // of the specification that the state is of, whatever the configuration's
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

// Exit is how a container's init has ended: Status, the time At which somebody saw it, and whether a process of the container's was OOMKilled.
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
