package criu

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// maxMessage is more than a message has: a mount takes some hundred bytes of a request, and Linux allows a container 100,000 mounts.
const maxMessage = 4 << 20

func (c *Client) send(r *Request) error {
	return fdio.Again(func() error { return unix.Sendmsg(c.conn.FD, r.Encode(), nil, nil, unix.MSG_NOSIGNAL) })
}

// receive waits for a message. Its descriptors are the caller's.
func (c *Client) receive(p Patience) (*Response, []int, error) {
	if err := c.await(p); err != nil {
		return nil, nil, err
	}
	data, fds, err := c.conn.RecvData(maxResponse)
	if err != nil {
		return nil, nil, err
	}
	resp, err := Decode(data)
	if err != nil {
		fdio.CloseAll(fds)
		return nil, nil, fmt.Errorf("read response: %w", err)
	}
	return resp, fds, nil
}

// maxResponse is more than a response has.
const maxResponse = 64 << 10

// last is an error unless CRIU, which has ended, has left something to read.
func (c *Client) last() error {
	fds := []unix.PollFd{{Fd: int32(c.conn.FD), Events: unix.POLLIN}}
	left, err := fdio.Poll(fds, time.Now())
	if err == nil && !left {
		err = io.EOF
	}
	return err
}

// look is how often there is a look for signs of life.
const look = time.Second

// await waits for something to read, the end of patience, that of who waits, or that of CRIU, whose socket its children may have yet.
func (c *Client) await(p Patience) error {
	fds := []unix.PollFd{{Fd: int32(c.conn.FD), Events: unix.POLLIN}, c.Stop.Poll(), {Fd: int32(c.pidfd), Events: unix.POLLIN}}
	seen, since := uint64(0), time.Now()
	for {
		var until time.Time
		if p.Idle > 0 {
			until = time.Now().Add(min(look, p.Idle))
		}
		ready, err := fdio.Poll(fds, until)
		if err != nil {
			return err
		}
		if ready {
			if err := c.Stop.Err(); err != nil || fds[0].Revents != 0 {
				return err
			}
			return c.last()
		}
		if p.Signs != nil {
			if now := p.Signs(); now != seen {
				seen, since = now, time.Now()
			}
		}
		if time.Since(since) > p.Idle {
			return fmt.Errorf("%w for %s", ErrHangs, p.Idle)
		}
	}
}
