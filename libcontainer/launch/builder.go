package launch

import "golang.org/x/sys/unix"

// builderWait bounds the wait for a stage that ends by itself, in milliseconds.
const builderWait = 200

// awaitBuilder lets a stage that has a builder come to its end when the launch
// has failed: the stage reaps the builder, which would else become a zombie that
// somebody above us has to reap. Whoever waits for our answer gets none.
func (p *Process) awaitBuilder() {
	if !p.plan.Orders.User || p.alone != nil {
		return
	}
	if p.stage.Conn.FD >= 0 {
		p.stage.Conn.Close()
		p.stage.Conn.FD = -1
	}
	fd, err := unix.PidfdOpen(p.stage.PID, 0)
	if err != nil {
		return // reaped already, or without descriptors to spare
	}
	defer unix.Close(fd)
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, builderWait); err != unix.EINTR {
			return
		}
	}
}
