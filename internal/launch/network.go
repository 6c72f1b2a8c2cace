package launch

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/thread"
)

// A Network is a network namespace that is being made.
type Network struct{ made <-chan network }

type network struct {
	fd  int
	err error
}

// NewNetwork makes a network namespace while others work. host is a procfs.
func NewNetwork(host int) *Network {
	made := make(chan network, 1)
	go thread.Own(func() {
		made <- makeNetwork(host)
		close(made)
	})
	return &Network{made}
}

func makeNetwork(host int) (n network) {
	n.fd = -1
	if n.err = unix.Unshare(unix.CLONE_NEWNET); n.err == nil {
		n.fd, n.err = unix.Openat(host, "thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if n.err != nil {
		n.err = fmt.Errorf("make network namespace: %w", n.err)
	}
	return n
}

// take waits for the namespace, which is the caller's then.
func (n *Network) take() (int, error) {
	if n == nil {
		return -1, unix.EBADF
	}
	net, ok := <-n.made
	if !ok {
		return -1, unix.EBADF
	}
	return net.fd, net.err
}

// Close gives the namespace up, if nobody has taken it.
func (n *Network) Close() {
	if n == nil {
		return
	}
	if net, ok := <-n.made; ok && net.fd >= 0 {
		unix.Close(net.fd)
	}
}
