package spawn

import (
	"github.com/rung-oci/rung/internal/wire"
	"github.com/rung-oci/rung/nsenter"
)

// Pair makes both ends of a connection. If one is for a process that others may see while
// it has that, they come from nobody, see [nsenter.Pairs].
func Pair(seen bool) (ours, theirs wire.Conn, err error) {
	if !seen {
		return wire.Pair()
	}
	list, err := nsenter.Pairs(1)
	if err != nil {
		return wire.Conn{FD: -1}, wire.Conn{FD: -1}, err
	}
	return wire.Conn{FD: list[0][0]}, wire.Conn{FD: list[0][1]}, nil
}
