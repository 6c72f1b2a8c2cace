package stage

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/proc"
	"github.com/rung-oci/rung/libcontainer/source"
	"github.com/rung-oci/rung/libcontainer/step"
	"github.com/rung-oci/rung/nsenter"
)

// cloneExposed is clone. Where need be we are dumpable meanwhile, and what is
// forked of us stays so: an ordinary user can write the maps of no other process.
func cloneExposed(o *step.Orders, a *nsenter.Arena) (*process, error) {
	if o.Dumpable {
		unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
		defer unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	return clone(o, a)
}

// reach does all that takes a look into the first process before it becomes
// undumpable: afterwards an ordinary user can't join it by its pidfd, nor write
// its oom_score_adj.
func (p *process) reach(o *step.Orders, host proc.FS) error {
	if !o.Dumpable {
		return nil
	}
	if o.OOMScore != "" {
		// Lowering takes rights that an ordinary user hasn't: runc and all engines
		// live with the score as it is.
		if err := host.WriteFile(proc.PID(p.pid, "oom_score_adj"), o.OOMScore); err != nil && !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("process.oomScoreAdj: %w", err)
		}
	}
	for _, ns := range namespaces {
		if o.Enter&ns.flag == 0 {
			continue
		}
		fd, err := unix.Openat(host.FD, proc.PID(p.pid, "ns/"+ns.name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s namespace of first process: %w", ns.name, err)
		}
		p.ns = append(p.ns, fd)
	}
	return nil
}

// namespaces are those that a builder enters. The user namespace comes first,
// with the right to enter the others; a mount namespace last, which changes what
// paths mean.
var namespaces = [...]struct {
	flag int
	name string
}{
	{unix.CLONE_NEWUSER, "user"}, {unix.CLONE_NEWUTS, "uts"}, {unix.CLONE_NEWIPC, "ipc"}, {unix.CLONE_NEWNET, "net"}, {unix.CLONE_NEWNS, "mnt"},
}

// join joins namespaces with the calling thread.
func join(list []int) error {
	for _, fd := range list {
		if err := unix.Setns(fd, 0); err != nil {
			return fmt.Errorf("join namespaces of first process: %w", err)
		}
	}
	return nil
}

// makeSources makes the mounts that the parent wasn't allowed to: in the
// builder's mount namespace, which is still a copy of the host's.
func makeSources(o *step.Orders) error {
	var maker source.Maker // an id-mapped mount takes the parent's rights, see spec.ValidateRootless
	defer maker.Close()
	for i := range o.Make {
		fd, err := maker.Open(&o.Make[i])
		if err != nil {
			return err
		}
		o.Trees = append(o.Trees, fd)
	}
	return nil
}
