// Package dbus speaks as much of D-Bus as a container runtime needs: calls of
// methods and waiting for signals, over one Unix socket, with a deadline. It has
// no goroutine, no reflection and nothing to initialize, because it is part of a
// program that starts for every verb and seldom needs it.
//
// The specification is https://dbus.freedesktop.org/doc/dbus-specification.html.
package dbus

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Value is what a message carries: one of the types below.
type Value interface {
	fmt.Stringer
	// Signature is the value's type in the specification's letters.
	Signature() string
	// encode appends the value, aligned to the beginning of b.
	encode(b []byte) []byte
}

// The basic types, by the specification's names.
type (
	Byte       byte
	Bool       bool
	Int16      int16
	Uint16     uint16
	Int32      int32
	Uint32     uint32
	Int64      int64
	Uint64     uint64
	Double     float64
	String     string
	ObjectPath string
	Type       string // a signature
)

// Containers.
type (
	// Bytes is an array of bytes.
	Bytes []byte
	// Array is an array of values of one type, whose signature an empty one
	// must give.
	Array struct {
		Elem  string
		Items []Value
	}
	// Tuple is a struct.
	Tuple []Value
	// Variant wraps a value together with its type.
	Variant struct{ Value Value }
)

// Signature of a byte.
func (Byte) Signature() string { return "y" }

// Signature of a boolean.
func (Bool) Signature() string { return "b" }

// Signature of a 16-bit integer.
func (Int16) Signature() string { return "n" }

// Signature of an unsigned 16-bit integer.
func (Uint16) Signature() string { return "q" }

// Signature of a 32-bit integer.
func (Int32) Signature() string { return "i" }

// Signature of an unsigned 32-bit integer.
func (Uint32) Signature() string { return "u" }

// Signature of a 64-bit integer.
func (Int64) Signature() string { return "x" }

// Signature of an unsigned 64-bit integer.
func (Uint64) Signature() string { return "t" }

// Signature of a floating point number.
func (Double) Signature() string { return "d" }

// Signature of a string.
func (String) Signature() string { return "s" }

// Signature of an object's path.
func (ObjectPath) Signature() string { return "o" }

// Signature of a signature.
func (Type) Signature() string { return "g" }

// Signature of an array of bytes.
func (Bytes) Signature() string { return "ay" }

// Signature of an array.
func (v Array) Signature() string { return "a" + v.Elem }

// Signature of a struct.
func (v Tuple) Signature() string { return "(" + signatures(v) + ")" }

func signatures(list []Value) string {
	var b strings.Builder
	for _, v := range list {
		b.WriteString(v.Signature())
	}
	return b.String()
}

// Signature of a variant.
func (Variant) Signature() string { return "v" }

func (v Byte) encode(b []byte) []byte   { return append(b, byte(v)) }
func (v Int16) encode(b []byte) []byte  { return append16(b, uint16(v)) }
func (v Uint16) encode(b []byte) []byte { return append16(b, uint16(v)) }
func (v Int32) encode(b []byte) []byte  { return append32(b, uint32(v)) }
func (v Uint32) encode(b []byte) []byte { return append32(b, uint32(v)) }
func (v Int64) encode(b []byte) []byte  { return append64(b, uint64(v)) }
func (v Uint64) encode(b []byte) []byte { return append64(b, uint64(v)) }
func (v Double) encode(b []byte) []byte { return append64(b, math.Float64bits(float64(v))) }

func (v Bool) encode(b []byte) []byte {
	if v {
		return append32(b, 1)
	}
	return append32(b, 0)
}

func (v String) encode(b []byte) []byte {
	return append(append(append32(b, uint32(len(v))), v...), 0)
}

func (v ObjectPath) encode(b []byte) []byte { return String(v).encode(b) }

func (v Type) encode(b []byte) []byte { return append(append(append(b, byte(len(v))), v...), 0) }

func (v Bytes) encode(b []byte) []byte { return append(append32(b, uint32(len(v))), v...) }

func (v Array) encode(b []byte) []byte {
	b = append32(b, 0)
	length := len(b) - 4
	b = pad(b, alignment(v.Elem))
	start := len(b)
	for _, e := range v.Items {
		b = e.encode(b)
	}
	binary.LittleEndian.PutUint32(b[length:], uint32(len(b)-start))
	return b
}

func (v Tuple) encode(b []byte) []byte {
	b = pad(b, 8)
	for _, e := range v {
		b = e.encode(b)
	}
	return b
}

func (v Variant) encode(b []byte) []byte {
	return v.Value.encode(Type(v.Value.Signature()).encode(b))
}

// pad appends zeros up to the next multiple of n.
func pad(b []byte, n int) []byte {
	for len(b)%n != 0 {
		b = append(b, 0)
	}
	return b
}

func append16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(pad(b, 2), v) }
func append32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(pad(b, 4), v) }
func append64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(pad(b, 8), v) }

// alignment of the type that a signature begins with.
func alignment(signature string) int {
	switch signature[0] {
	case 'y', 'g', 'v':
		return 1
	case 'n', 'q':
		return 2
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 4
}

// Values are printed as [Parse] reads them, without a type.

func (v Byte) String() string       { return strconv.Itoa(int(v)) }
func (v Bool) String() string       { return strconv.FormatBool(bool(v)) }
func (v Int16) String() string      { return strconv.Itoa(int(v)) }
func (v Uint16) String() string     { return strconv.Itoa(int(v)) }
func (v Int32) String() string      { return strconv.Itoa(int(v)) }
func (v Uint32) String() string     { return strconv.FormatUint(uint64(v), 10) }
func (v Int64) String() string      { return strconv.FormatInt(int64(v), 10) }
func (v Uint64) String() string     { return strconv.FormatUint(uint64(v), 10) }
func (v Double) String() string     { return strconv.FormatFloat(float64(v), 'g', -1, 64) }
func (v String) String() string     { return strconv.Quote(string(v)) }
func (v ObjectPath) String() string { return strconv.Quote(string(v)) }
func (v Type) String() string       { return strconv.Quote(string(v)) }
func (v Bytes) String() string      { return fmt.Sprintf("b%#x", []byte(v)) }
func (v Array) String() string      { return "[" + list(v.Items) + "]" }
func (v Tuple) String() string      { return "(" + list(v) + ")" }
func (v Variant) String() string    { return "<" + v.Value.String() + ">" }

func list(vs []Value) string {
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = v.String()
	}
	return strings.Join(words, ", ")
}
