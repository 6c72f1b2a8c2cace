package launch

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/spawn"
)

// makeProcfs has a process make the procfs instances of plan.Plan.Procfs: in the pid namespace, of which it shows nothing but
// itself. They are the caller's.
func makeProcfs(p *plan.Plan, joined []int) (list []int, err error) {
	near, far, err := spawn.Pair(true)
	if err != nil {
		return nil, err
	}
	defer near.Close()
	in := &ExecInputs{Unified: -1, FDs: []plan.FDSlot{{Slot: p.Orders.Sock, FD: far.FD}}}
	for i, s := range p.Slots.Joined {
		in.FDs = append(in.FDs, plan.FDSlot{Slot: s, FD: joined[i]})
	}
	e, err := Join(p, in)
	far.Close()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	defer unix.Close(e.Pidfd)
	for {
		fds, err := near.Recv()
		if err != nil { // it has ended
			break
		}
		list = append(list, fds...)
	}
	e.Wait()
	if err := e.Err(); err != nil {
		fdio.CloseAll(list)
		return nil, err
	}
	return list, nil
}
