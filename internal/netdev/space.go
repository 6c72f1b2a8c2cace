package netdev

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A space is a network namespace, and a socket in it.
type space struct {
	netns  int
	socket map[int]*nl.SocketHandle
}

// openSpace makes a socket in the namespace that ns is a file of, and takes the file
// over, also when it fails.
func openSpace(ns netns.NsHandle) (*space, error) {
	s := &space{netns: int(ns)}
	if err := s.connect(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// connect makes a socket, in the place of the one that there was.
func (s *space) connect() error {
	socket, err := nl.GetNetlinkSocketAt(netns.NsHandle(s.netns), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	// A kernel that doesn't answer is no reason to wait for ever.
	if err := socket.SetReceiveTimeout(&nl.SocketTimeoutTv); err != nil {
		socket.Close()
		return err
	}
	s.disconnect()
	s.socket = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	return nil
}

func (s *space) disconnect() {
	for _, h := range s.socket {
		h.Close()
	}
}

// renew makes another socket, if it can: on the old one may be what nobody has read, and the kernel refuses a dump while
// another isn't read to its end.
func (s *space) renew() { _ = s.connect() }

func (s *space) close() {
	s.disconnect()
	unix.Close(s.netns)
}

func (s *space) request(kind, flags int, data ...nl.NetlinkRequestData) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = s.socket
	for _, d := range data {
		req.AddData(d)
	}
	return req
}

// do sends a request that has no answer but whether it worked.
func (s *space) do(kind, flags int, data ...nl.NetlinkRequestData) error {
	_, err := s.request(kind, flags|unix.NLM_F_ACK, data...).Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// A link is a device as it is.
type link struct {
	index int
	name  string
	up    bool
}

func parseLink(msg []byte) (*link, error) {
	if len(msg) < unix.SizeofIfInfomsg {
		return nil, unix.EBADMSG
	}
	info := nl.DeserializeIfInfomsg(msg)
	attrs, err := nl.ParseRouteAttr(msg[unix.SizeofIfInfomsg:])
	if err != nil {
		return nil, err
	}
	l := &link{index: int(info.Index), up: info.Flags&unix.IFF_UP != 0}
	for _, a := range attrs {
		if a.Attr.Type == unix.IFLA_IFNAME {
			l.name = unix.ByteSliceToString(a.Value)
		}
	}
	return l, nil
}

// link finds a device by its name: ENODEV where there is none.
func (s *space) link(name string) (*link, error) {
	msgs, err := s.request(unix.RTM_GETLINK, 0, nl.NewIfInfomsg(unix.AF_UNSPEC), attribute(unix.IFLA_IFNAME, name)).
		Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return nil, err
	}
	if len(msgs) == 0 {
		return nil, unix.ENODEV
	}
	return parseLink(msgs[0])
}

// names are the indexes of all devices.
func (s *space) names() (map[string]int, error) {
	var msgs [][]byte
	err := again(func() (err error) {
		msgs, err = s.request(unix.RTM_GETLINK, unix.NLM_F_DUMP, nl.NewIfInfomsg(unix.AF_UNSPEC)).Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
		return err
	})
	if err != nil {
		return nil, err
	}
	names := make(map[string]int, len(msgs))
	for _, msg := range msgs {
		l, err := parseLink(msg)
		if err != nil {
			return nil, err
		}
		names[l.name] = l.index
	}
	return names, nil
}

// again repeats a dump that changes have disturbed.
func again(dump func() error) (err error) {
	for range 10 {
		if err = dump(); !errors.Is(err, nl.ErrDumpInterrupted) {
			return err
		}
	}
	return err
}

// send moves a device to another namespace and gives it a name there.
func (s *space) send(index, netns int, name string) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	return s.do(unix.RTM_NEWLINK, 0, msg, nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(netns))), attribute(unix.IFLA_IFNAME, name))
}

func (s *space) setUp(index int) error {
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index, msg.Flags, msg.Change = int32(index), unix.IFF_UP, unix.IFF_UP
	return s.do(unix.RTM_NEWLINK, 0, msg)
}

// An address of a device: the message that would make it again.
type address struct {
	msg   nl.IfAddrmsg
	attrs []*nl.RtAttr
	label string // of an IPv4 address: the device's name, and what may come after it
}

// String is the address with its prefix.
func (a address) String() string {
	for _, attr := range a.attrs {
		if attr.Type == unix.IFA_LOCAL || attr.Type == unix.IFA_ADDRESS {
			if ip, ok := netip.AddrFromSlice(attr.Data); ok {
				return ip.String() + "/" + strconv.Itoa(int(a.msg.Prefixlen))
			}
		}
	}
	return "of family " + strconv.Itoa(int(a.msg.Family))
}

// settable are the flags of an address that are its user's, not the kernel's.
const settable = unix.IFA_F_NODAD | unix.IFA_F_OPTIMISTIC | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN

// addresses are the permanent addresses of global scope: what somebody has
// configured, not what the kernel or an advertisement gave.
func (s *space) addresses(index int) (list []address, err error) {
	var msgs [][]byte
	err = again(func() error {
		msgs, err = s.request(unix.RTM_GETADDR, unix.NLM_F_DUMP, nl.NewIfAddrmsg(unix.AF_UNSPEC)).Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, msg := range msgs {
		if len(msg) < unix.SizeofIfAddrmsg {
			return nil, unix.EBADMSG
		}
		m := nl.DeserializeIfAddrmsg(msg)
		if int(m.Index) != index || m.Scope != unix.RT_SCOPE_UNIVERSE {
			continue
		}
		a, permanent, err := parseAddress(m, msg[unix.SizeofIfAddrmsg:])
		if err != nil {
			return nil, err
		}
		if permanent {
			list = append(list, a)
		}
	}
	return list, nil
}

func parseAddress(m *nl.IfAddrmsg, data []byte) (a address, permanent bool, err error) {
	attrs, err := nl.ParseRouteAttr(data)
	if err != nil {
		return a, false, err
	}
	flags := uint32(m.Flags)
	for _, attr := range attrs {
		switch attr.Attr.Type {
		case unix.IFA_FLAGS:
			if len(attr.Value) == 4 {
				flags = binary.NativeEndian.Uint32(attr.Value)
			}
		case unix.IFA_LABEL:
			a.label = unix.ByteSliceToString(attr.Value)
		case unix.IFA_CACHEINFO: // of a permanent one: for ever
		default:
			a.attrs = append(a.attrs, nl.NewRtAttr(int(attr.Attr.Type), attr.Value))
		}
	}
	a.msg = *m
	a.msg.Flags = 0
	if own := flags & settable; own != 0 {
		a.attrs = append(a.attrs, nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(own)))
	}
	return a, flags&unix.IFA_F_PERMANENT != 0, nil
}

// addAddress adds an address to a device that had another name before.
func (s *space) addAddress(index int, name, before string, a address) error {
	a.msg.Index = uint32(index)
	data := []nl.NetlinkRequestData{&a.msg}
	for _, attr := range a.attrs {
		data = append(data, attr)
	}
	if label := relabel(a.label, before, name); label != "" {
		data = append(data, attribute(unix.IFA_LABEL, label))
	}
	return s.do(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, data...)
}

// relabel keeps what a label has after the device's name. One that would be too
// long is left out: the kernel then takes the name.
func relabel(label, before, name string) string {
	if label == "" {
		return ""
	}
	rest, ok := label, false
	if len(label) >= len(before) && label[:len(before)] == before {
		rest, ok = label[len(before):], true
	}
	if label = name + rest; !ok || len(label) >= unix.IFNAMSIZ {
		return ""
	}
	return label
}
