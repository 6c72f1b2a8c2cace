package libcontainer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/thread"
)

// peers asks, see sock_diag(7), for the connected unix sockets of the container's network namespace, and for the inodes of their other ends.
func (d *dump) peers() (map[uint64]uint64, error) {
	net, err := d.ofInit(d.pidfd.FD(), "ns/net", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(net)
	found := map[uint64]uint64{}
	err = thread.Do(func() error {
		if err := unix.Setns(net, unix.CLONE_NEWNET); err != nil {
			return err
		}
		return unixPeers(found)
	})
	if err != nil {
		return nil, fmt.Errorf("list unix sockets of container: %w", err)
	}
	return found, nil
}

// Numbers of linux/sock_diag.h and linux/unix_diag.h.
const (
	sockDiagByFamily = 20
	showPeer         = 4 // UDIAG_SHOW_PEER
	showWaiting      = 8 // UDIAG_SHOW_ICONS
	attrPeer         = 2 // UNIX_DIAG_PEER
	attrWaiting      = 3 // UNIX_DIAG_ICONS: of connections that nobody has accepted yet
	diagMessage      = 16
)

// unixPeers asks in the calling thread's network namespace.
func unixPeers(found map[uint64]uint64) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil // a kernel without it can't say
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	e := binary.NativeEndian
	req := e.AppendUint32(nil, unix.SizeofNlMsghdr+24)
	req = e.AppendUint16(req, sockDiagByFamily)
	req = e.AppendUint16(req, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	req = e.AppendUint64(req, 0)             // sequence, port
	req = append(req, unix.AF_UNIX, 0, 0, 0) // unix_diag_req
	req = e.AppendUint32(req, ^uint32(0))    // of all states
	req = e.AppendUint32(req, 0)
	req = e.AppendUint32(req, showPeer|showWaiting)
	req = e.AppendUint64(req, ^uint64(0))
	if _, err := fdio.Write(fd, req); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := fdio.Read(fd, buf)
		if err != nil {
			return err
		}
		if last, err := peersOf(buf[:n], found); last || err != nil {
			if errors.Is(err, unix.ENOENT) { // unix_diag isn't there
				return nil
			}
			return err
		}
	}
}

// peersOf reads messages; last says that there are no more.
func peersOf(data []byte, found map[uint64]uint64) (last bool, err error) {
	e := binary.NativeEndian
	for len(data) >= unix.SizeofNlMsghdr {
		size, kind := int(e.Uint32(data)), e.Uint16(data[4:])
		if size < unix.SizeofNlMsghdr || size > len(data) {
			return true, unix.EBADMSG
		}
		body := data[unix.SizeofNlMsghdr:size]
		data = data[min(len(data), (size+3)&^3):]
		switch {
		case kind == unix.NLMSG_DONE:
			return true, nil
		case kind == unix.NLMSG_ERROR && len(body) >= 4:
			return true, unix.Errno(-int32(e.Uint32(body)))
		case kind != sockDiagByFamily || len(body) < diagMessage:
			continue
		}
		ino := uint64(e.Uint32(body[4:]))
		for attrs := body[diagMessage:]; len(attrs) >= 4; {
			n := int(e.Uint16(attrs))
			if n < 4 || n > len(attrs) {
				break
			}
			switch e.Uint16(attrs[2:]) {
			case attrPeer:
				if n >= 8 && found[ino] == 0 {
					found[ino] = uint64(e.Uint32(attrs[4:]))
				}
			case attrWaiting:
				for list := attrs[4:n]; len(list) >= 4; list = list[4:] {
					found[uint64(e.Uint32(list))] = ino
				}
			}
			attrs = attrs[min(len(attrs), (n+3)&^3):]
		}
	}
	return false, nil
}
