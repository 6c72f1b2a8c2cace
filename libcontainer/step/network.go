package step

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/wire"
)

// ErrFirst says that the container's first process has ended. Why is in its
// progress record, which the parent reads.
var ErrFirst = errors.New("container's first process has ended")

// Network joins the network namespace that the first process makes while the
// steps before run.
type Network struct{}

func (*Network) String() string { return "join network namespace" }

// Code carries no field.
func (*Network) Code(*wire.Codec) {}

// Run waits for it and joins.
func (*Network) Run(e *Env) error {
	if _, _, err := e.Peer.Recv(); err != nil {
		if errors.Is(err, io.EOF) {
			return ErrFirst
		}
		return err
	}
	return at("setns", unix.Setns(e.Pidfd, unix.CLONE_NEWNET))
}
