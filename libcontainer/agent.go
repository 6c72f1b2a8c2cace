package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/tty"
	"github.com/rung-oci/rung/seccomp"
)

// notifyProfile is the profile of a configuration that leaves calls to a seccomp
// agent, or nil.
func notifyProfile(s *specs.Spec) *specs.LinuxSeccomp {
	if s.Process == nil || s.Linux == nil || !seccomp.Wanted(s.Linux.Seccomp) || !seccomp.UsesNotify(s.Linux.Seccomp) {
		return nil
	}
	return s.Linux.Seccomp
}

// sendListener gives the agent of a profile the descriptor listener, in
// one message with the state of the container's process pid (runtime-spec,
// container process state); init is the container's. The connection begins and ends with it: an agent
// may have no patience, or serve one after the other.
func sendListener(listener, pid, init int, p *specs.LinuxSeccomp, st hook.State) error {
	socket, err := tty.Connect(p.ListenerPath)
	if err != nil {
		return fmt.Errorf("linux.seccomp.listenerPath: seccomp agent: %w", err)
	}
	defer unix.Close(socket)
	if err := sendState(socket, listener, pid, init, p, st); err != nil {
		return fmt.Errorf("send state to seccomp agent at %s: %w", p.ListenerPath, err)
	}
	return nil
}

// sendState is sendListener for a socket that is connected.
func sendState(socket, listener, pid, init int, p *specs.LinuxSeccomp, st hook.State) error {
	w := jsontext.NewWriter(make([]byte, 0, 1024), "")
	w.BeginObject()
	w.Key("ociVersion")
	w.String(specs.Version)
	w.Key("fds")
	w.BeginArray()
	w.String(specs.SeccompFdName)
	w.EndArray()
	w.Key("pid")
	w.Int(int64(pid))
	if p.ListenerMetadata != "" {
		w.Key("metadata")
		w.String(p.ListenerMetadata)
	}
	w.Key("state")
	w.Raw(string(st.JSON(init)))
	w.EndObject()
	if err := sendAll(socket, w.Bytes(), listener); err != nil {
		return err
	}
	return unix.Shutdown(socket, unix.SHUT_WR)
}

// sendAll writes data, the descriptor with its first bytes. A peer that doesn't
// read is given some time.
func sendAll(socket int, data []byte, fd int) error {
	until := time.Now().Add(launch.AgentPatience)
	oob := unix.UnixRights(fd)
	for len(data) > 0 {
		n := 0
		err := fdio.Again(func() (err error) { n, err = unix.SendmsgN(socket, data, oob, nil, unix.MSG_NOSIGNAL); return err })
		switch {
		case err == nil:
			data, oob = data[n:], nil
		case errors.Is(err, unix.EAGAIN):
			if free, err := fdio.Poll([]unix.PollFd{{Fd: int32(socket), Events: unix.POLLOUT}}, until); !free {
				return cmp.Or(err, error(unix.ETIMEDOUT))
			}
		default:
			return err
		}
	}
	return nil
}

// handListener gives the agent the descriptor of the first process's filter.
func (c *creation) handListener(pid, fd int) error {
	s := c.bundle.Spec
	return sendListener(fd, pid, pid, notifyProfile(s), hookState(c.bundle, c.opt.ID, specs.StateCreating))
}

// agentOf is what gives the seccomp agent of the configuration the descriptor of a filter of a process that joins; nil
// if there is none.
func (c *container) agentOf(b *spec.Bundle, status specs.ContainerState) func(pid, fd int) error {
	profile := notifyProfile(b.Spec)
	if profile == nil {
		return nil
	}
	return func(pid, fd int) error {
		return sendListener(fd, pid, c.record.PID, profile, c.hookState(b, status))
	}
}

// agentKeeps tells whether a container that doesn't start may be waiting for its
// agent.
func (c *container) agentKeeps() bool {
	b, err := c.config()
	return err == nil && notifyProfile(b.Spec) != nil
}
