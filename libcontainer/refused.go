package libcontainer

import (
	"errors"
	"path"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/program"
	"github.com/rung-oci/rung/internal/rootfs"
)

// execError says which program could not be run, and why as far as the root filesystem tells: the
// first process has ended, and its mounts with it.
func (c *container) execError(errno syscall.Errno) error {
	b, err := c.config()
	if err != nil || b.Spec.Process == nil || len(b.Spec.Process.Args) == 0 {
		return &ExecError{Text: plan.Text("exec program", uint32(errno)), Errno: errno}
	}
	text := plan.Text("exec "+b.Spec.Process.Args[0], uint32(errno))
	root, err := unix.Open(b.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(root)
		text += refusal(uncovered{rootfs.At(root), b.Spec.Mounts}, b.Spec.Process, errno)
	}
	return &ExecError{Text: text, Errno: errno}
}

// uncovered reads the files of a root filesystem that no mount of the configuration hides.
type uncovered struct {
	rootfs.Root
	mounts []specs.Mount
}

// ReadRegular reads a file as [rootfs.Root.ReadRegular] does.
func (u uncovered) ReadRegular(file string, limit int) (text []byte, size int64, err error) {
	for i := range u.mounts {
		if strings.HasPrefix(path.Clean(file)+"/", path.Clean("/"+u.mounts[i].Destination)+"/") {
			return nil, 0, unix.EXDEV
		}
	}
	return u.Root.ReadRegular(file, limit)
}

// refusal is how the error ends of a program that execve(2) has refused.
func refusal(root program.Reader, p *specs.Process, errno error) string {
	if why := program.Why(root, p.Args[0], p.Cwd, plan.SearchPath(p.Env), errno); why != "" {
		return " (" + why + ")"
	}
	return ""
}

// explained adds to the error of a process that joined a container why its program was refused,
// if that is what it is about: as an [ExecError] then.
func (x *execution) explained(err error) error {
	tape, is := errors.AsType[*launch.TapeError](err)
	if is && strings.HasPrefix(tape.Label, "exec: ") { // it wasn't found
		return &ExecError{Text: tape.Text, Errno: tape.Errno}
	}
	if !is || !strings.HasPrefix(tape.Text, "exec "+x.process.Args[0]+": ") {
		return err
	}
	return &ExecError{Text: tape.Text + refusal(rootfs.At(x.root.FD()), x.process, tape.Errno), Errno: tape.Errno}
}
