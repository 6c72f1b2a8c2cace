package libcontainer

import (
	"cmp"
	"fmt"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/fdio"
	"github.com/rung-oci/rung/libcontainer/hook"
	"github.com/rung-oci/rung/libcontainer/jsontext"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/spec"
	"github.com/rung-oci/rung/libcontainer/tty"
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

// connectAgent connects to the agent of a profile.
func connectAgent(p *specs.LinuxSeccomp) (int, error) {
	fd, err := tty.Connect(p.ListenerPath)
	if err != nil {
		return -1, fmt.Errorf("linux.seccomp.listenerPath: seccomp agent: %w", err)
	}
	return fd, nil
}

// sendListener gives the agent at a connected socket the descriptor listener, in
// one message with the state of the container's process pid (runtime-spec,
// container process state); init is the container's. The connection ends with it.
func sendListener(socket, listener, pid, init int, p *specs.LinuxSeccomp, version string, st hook.State) error {
	w := jsontext.NewWriter(make([]byte, 0, 1024), "")
	w.BeginObject()
	w.Key("ociVersion")
	w.String(version)
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
		return fmt.Errorf("send state to seccomp agent at %s: %w", p.ListenerPath, err)
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
		switch err {
		case nil:
			data, oob = data[n:], nil
		case unix.EAGAIN:
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
	err := sendListener(c.agent.FD(), fd, pid, pid, notifyProfile(s), s.Version, hookState(c.bundle, c.opt.ID, specs.StateCreating))
	c.agent.Close()
	return err
}

// agentOf connects to the seccomp agent of the configuration, if it has one, and
// returns what gives it the descriptor of a filter of a process that joins; nil
// if there is none.
func (c *container) agentOf(b *spec.Bundle, status specs.ContainerState) (give func(pid, fd int) error, done func(), err error) {
	profile := notifyProfile(b.Spec)
	if profile == nil {
		return nil, func() {}, nil
	}
	agent, err := connectAgent(profile)
	if err != nil {
		return nil, func() {}, err
	}
	st := c.hookState(b, status)
	return func(pid, fd int) error {
			return sendListener(agent, fd, pid, c.record.PID, profile, b.Spec.Version, st)
		},
		func() { unix.Close(agent) }, nil
}

// agentKeeps tells whether a container that doesn't start may be waiting for its
// agent.
func (c *container) agentKeeps() bool {
	b, err := c.config()
	return err == nil && notifyProfile(b.Spec) != nil
}
