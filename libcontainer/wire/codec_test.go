package wire

import (
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

// all has a field for everything that a Codec carries.
type all struct {
	U64     uint64
	U32     uint32
	I       int
	B       bool
	S       string
	Strings []string
	Uint32s []uint32
	Ints    []int
	Lists   [][]string
}

func (a *all) code(c *Codec) {
	c.Uint64(&a.U64)
	c.Uint32(&a.U32)
	c.Int(&a.I)
	c.Bool(&a.B)
	c.String(&a.S)
	c.Strings(&a.Strings)
	c.Uint32s(&a.Uint32s)
	c.Ints(&a.Ints)
	List(c, &a.Lists, (*Codec).Strings)
}

func encode(a *all) []byte {
	c := NewEncoder(0)
	a.code(c)
	return c.Bytes()
}

func TestCodec(t *testing.T) {
	for _, want := range []all{
		{},
		{U64: math.MaxUint64, U32: math.MaxUint32, I: math.MaxInt, B: true, S: "\x00é\xff"},
		{I: math.MinInt, S: strings.Repeat("x", 70000)},
		{I: -1, Strings: []string{"", "a", ""}, Uint32s: []uint32{0, math.MaxUint32}, Ints: []int{-1, 0, 1 << 30}, Lists: [][]string{nil, {"x"}, {"", ""}}},
	} {
		block := encode(&want)
		var got all
		c := NewDecoder(block)
		got.code(c)
		if c.Err() != nil || !reflect.DeepEqual(got, want) || len(c.Bytes()) != 0 {
			t.Errorf("decoded %+v, %v, want %+v", got, c.Err(), want)
		}
	}
	if c := NewDecoder(nil); !c.Reading() || NewEncoder(1).Reading() {
		t.Errorf("Reading() = %v, %v, want true, false", c.Reading(), NewEncoder(1).Reading())
	}
}

// A block that is cut anywhere is an error.
func TestCutBlock(t *testing.T) {
	block := encode(&all{U64: 1 << 40, U32: 7, I: -300, B: true, S: "text", Strings: []string{"a", "bc"}, Uint32s: []uint32{1 << 30}, Ints: []int{5}, Lists: [][]string{{"z"}}})
	for i := range block {
		var got all
		c := NewDecoder(block[:i:i])
		got.code(c)
		if !errors.Is(c.Err(), ErrShort) {
			t.Errorf("a block cut at %d of %d: %v, want %v", i, len(block), c.Err(), ErrShort)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(encode(&all{U64: 9, S: "text", Strings: []string{"a"}, Ints: []int{1, 2}, Lists: [][]string{{"q"}}}))
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, block []byte) {
		var a, b all
		c := NewDecoder(block)
		a.code(c)
		if n := len(a.S) + len(a.Strings) + len(a.Uint32s) + len(a.Ints) + len(a.Lists); n > len(block) {
			t.Errorf("%d elements of %d bytes", n, len(block))
		}
		if c.Err() != nil {
			return
		}
		d := NewDecoder(encode(&a))
		b.code(d)
		if d.Err() != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("decoded again: %+v, %v, want %+v", b, d.Err(), a)
		}
	})
}

// What can't be understood ends the reading; the first error stays.
func TestRefuse(t *testing.T) {
	c := NewDecoder(encode(&all{U64: 7, S: "text"}))
	var first uint64
	c.Uint64(&first)
	c.Refuse(io.ErrNoProgress)
	c.Refuse(io.ErrClosedPipe)
	s := "old"
	c.String(&s)
	if first != 7 || !errors.Is(c.Err(), io.ErrNoProgress) || s != "" {
		t.Errorf("after Refuse: %d, %q, %v", first, s, c.Err())
	}
}
