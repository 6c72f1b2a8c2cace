package libcontainer

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
)

// reapInit reaps the first process of a container that has ended, if it is a child of this
// program that nobody has waited for: one that makes a container and deletes it would keep
// its remains for ever.
func reapInit(r *state.Record, host proc.FS) {
	var info unix.Siginfo
	const look = unix.WEXITED | unix.WNOHANG | unix.WNOWAIT | unix.WALL
	if r.PID <= 0 || unix.Waitid(unix.P_PID, r.PID, &info, look, nil) != nil {
		return // not ours, as with every command but `run`
	}
	if st, err := host.Stat(r.PID); err == nil && st.Dead() && st.Start == r.Start {
		_, _ = unix.Wait4(r.PID, nil, unix.WNOHANG|unix.WALL, nil)
	}
}
