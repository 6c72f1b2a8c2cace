// Package wire carries orders and answers between the three processes that make
// a container.
//
// What is to be done travels once, as a block of bytes in a memfd ([Codec]):
// one method of a value both writes and reads it, so the two can't part. What
// happens meanwhile travels as short messages over a SOCK_SEQPACKET pair
// ([Conn]); every request has exactly one answer, and descriptors come in the
// packet they belong to.
package wire

import (
	"encoding/binary"
	"errors"
)

// ErrShort reports a block that ends before its last value.
var ErrShort = errors.New("message is cut short")

// A Codec writes values to a block of bytes or reads them back, in the same
// order. Lengths and numbers are varints.
type Codec struct {
	buf     []byte
	reading bool
	err     error
}

// NewEncoder returns a codec that appends to a new block.
func NewEncoder(size int) *Codec { return &Codec{buf: make([]byte, 0, size)} }

// NewDecoder returns a codec that reads block. Strings alias it: block must
// not change any more.
func NewDecoder(block []byte) *Codec { return &Codec{buf: block, reading: true} }

// Reading tells whether values are read.
func (c *Codec) Reading() bool { return c.reading }

// Bytes is the block written so far.
func (c *Codec) Bytes() []byte { return c.buf }

// Err is the first error of reading.
func (c *Codec) Err() error { return c.err }

// Refuse makes err the error of reading what can't be understood: nothing that
// follows can be.
func (c *Codec) Refuse(err error) {
	if c.err == nil {
		c.err = err
	}
	c.buf = nil
}

// Uint64 carries a number.
func (c *Codec) Uint64(v *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	n, size := binary.Uvarint(c.buf)
	if size <= 0 {
		c.Refuse(ErrShort)
		return
	}
	*v, c.buf = n, c.buf[size:]
}

// Int carries a number.
func (c *Codec) Int(v *int) {
	u := uint64(int64(*v)<<1) ^ uint64(int64(*v)>>63)
	c.Uint64(&u)
	if c.reading {
		*v = int(int64(u>>1) ^ -int64(u&1))
	}
}

// Uint32 carries a number.
func (c *Codec) Uint32(v *uint32) {
	u := uint64(*v)
	c.Uint64(&u)
	*v = uint32(u)
}

// Bool carries a truth value.
func (c *Codec) Bool(v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	c.Uint64(&u)
	*v = u != 0
}

// String carries a string.
func (c *Codec) String(v *string) {
	n := c.Len(len(*v))
	if !c.reading {
		c.buf = append(c.buf, *v...)
		return
	}
	*v, c.buf = string(c.buf[:n]), c.buf[n:]
}

// Len carries the length of what follows. A length that the rest of the block
// can't hold, at a byte an element, is an error and reads as 0.
func (c *Codec) Len(n int) int {
	u := uint64(n)
	c.Uint64(&u)
	if c.reading && u > uint64(len(c.buf)) {
		c.Refuse(ErrShort)
		return 0
	}
	return int(u)
}

// List carries a slice; each carries one element.
func List[T any](c *Codec, v *[]T, each func(*Codec, *T)) {
	n := c.Len(len(*v))
	if c.reading && n > 0 {
		*v = make([]T, n)
	}
	for i := range *v {
		each(c, &(*v)[i])
	}
}

// Strings carries a slice of strings.
func (c *Codec) Strings(v *[]string) { List(c, v, (*Codec).String) }

// Uint32s carries a slice of numbers.
func (c *Codec) Uint32s(v *[]uint32) { List(c, v, (*Codec).Uint32) }

// Ints carries a slice of numbers.
func (c *Codec) Ints(v *[]int) { List(c, v, (*Codec).Int) }
