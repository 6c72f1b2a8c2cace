package dbus

import (
	"encoding/binary"
	"errors"
)

// Types of messages.
const (
	methodCall   = 1
	methodReturn = 2
	errorReply   = 3
	signal       = 4
)

// Keys of the header's fields.
const (
	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldError       = 4
	fieldReply       = 5
	fieldDestination = 6
	fieldSignature   = 8
)

// maxMessage bounds what is read of a peer, far above what systemd says to us.
const maxMessage = 4 << 20

// A Call is a method to be called.
type Call struct {
	Destination, Path, Interface, Member string
	Args                                 []Value
}

// encode makes the message.
func (c *Call) encode(serial uint32) []byte {
	var body []byte
	for _, v := range c.Args {
		body = v.encode(body)
	}
	fields := Array{Elem: "(yv)"}
	add := func(key byte, v Value) { fields.Items = append(fields.Items, Tuple{Byte(key), Variant{v}}) }
	add(fieldPath, ObjectPath(c.Path))
	add(fieldInterface, String(c.Interface))
	add(fieldMember, String(c.Member))
	add(fieldDestination, String(c.Destination))
	if len(c.Args) > 0 {
		add(fieldSignature, Type(signatures(c.Args)))
	}
	b := []byte{'l', methodCall, 0, 1}
	b = append32(b, uint32(len(body)))
	b = append32(b, serial)
	return append(pad(fields.encode(b), 8), body...)
}

// A Message is an answer or a signal.
type Message struct {
	kind              byte
	reply             uint32
	errorName, member string
	body              Reader
}

// Body reads the message's arguments from the first on.
func (m *Message) Body() *Reader {
	r := m.body
	return &r
}

// An Error is a peer's answer to a call that failed.
type Error struct {
	Name string // such as org.freedesktop.systemd1.NoSuchUnit
	Text string
}

// Error returns the peer's text, which is made for people.
func (e *Error) Error() string {
	if e.Text == "" {
		return e.Name
	}
	return e.Text
}

// errMalformed is the error for what isn't a D-Bus message.
var errMalformed = errors.New("malformed D-Bus message")

// decode takes a message off b. It is nil if b doesn't hold all of it yet.
func decode(b []byte) (m *Message, size int, err error) {
	if len(b) < 16 {
		return nil, 0, nil
	}
	r := Reader{b: b}
	switch b[0] {
	case 'l':
		r.order = binary.LittleEndian
	case 'B':
		r.order = binary.BigEndian
	default:
		return nil, 0, errMalformed
	}
	body, fields := r.order.Uint32(b[4:]), r.order.Uint32(b[12:])
	if b[3] != 1 || body > maxMessage || fields > maxMessage {
		return nil, 0, errMalformed
	}
	start := (16 + int(fields) + 7) &^ 7
	size = start + int(body)
	if len(b) < size {
		return nil, 0, nil
	}
	m = &Message{kind: b[1], body: Reader{b: b[start:size:size], order: r.order}}
	r.b, r.off = b[:16+int(fields)], 16
	for r.off < len(r.b) && r.err == nil {
		r.align(8)
		m.field(r.Byte(), &r)
	}
	return m, size, r.err
}

// field reads one field of the header.
func (m *Message) field(key byte, r *Reader) {
	switch typ := r.signature(); typ {
	case "s", "o":
		text := r.String()
		switch key {
		case fieldError:
			m.errorName = text
		case fieldMember:
			m.member = text
		}
	case "u":
		n := r.Uint32()
		if key == fieldReply {
			m.reply = n
		}
	case "g":
		r.signature()
	default:
		r.fail()
	}
}

// A Reader reads values one after the other. After what isn't there it returns
// zeros, and Err says so.
type Reader struct {
	b     []byte
	off   int
	order binary.ByteOrder
	err   error
}

// Err is the first thing that went wrong.
func (r *Reader) Err() error { return r.err }

func (r *Reader) fail() {
	r.err = errMalformed
	r.off = len(r.b)
}

func (r *Reader) align(n int) { r.off = (r.off + n - 1) / n * n }

// take returns the next n bytes, or zeros.
func (r *Reader) take(n int) []byte {
	if n < 0 || r.off > len(r.b) || n > len(r.b)-r.off {
		r.fail()
		return make([]byte, min(max(n, 0), 8))
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

// Byte reads a byte.
func (r *Reader) Byte() byte { return r.take(1)[0] }

// Uint32 reads an unsigned 32-bit integer.
func (r *Reader) Uint32() uint32 {
	r.align(4)
	return r.order.Uint32(r.take(4))
}

// String reads a string or the path of an object.
func (r *Reader) String() string {
	n := int(r.Uint32())
	if n > len(r.b) {
		r.fail()
		return ""
	}
	return r.text(n)
}

func (r *Reader) signature() string { return r.text(int(r.Byte())) }

// text reads n bytes and the zero after them.
func (r *Reader) text(n int) string {
	b := r.take(n + 1)
	if r.err != nil || b[n] != 0 {
		r.fail()
		return ""
	}
	return string(b[:n])
}

// VariantString reads a variant that holds a string.
func (r *Reader) VariantString() string {
	if r.signature() != "s" {
		r.fail()
	}
	return r.String()
}
