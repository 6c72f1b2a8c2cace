// Package jsontext reads and writes JSON without reflection: a strict pull reader and an
// appending writer.
//
// The reader takes less than encoding/json does. It refuses what two readers of one document
// could take differently: duplicate keys, invalid UTF-8, lone surrogates, anything after the
// document, nesting deeper than [MaxDepth], and NUL bytes in strings, which end every string
// that reaches the kernel.
package jsontext

import (
	"bytes"
	"slices"
	"strconv"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 1000

// SyntaxError says what is wrong with a document, and where.
type SyntaxError struct {
	Msg    string
	Line   int // from 1
	Column int // from 1, in bytes

	duplicate bool // a key comes a second time
}

// Error returns the message followed by the position.
func (e *SyntaxError) Error() string {
	return e.Msg + " (line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column) + ")"
}

// Kind is the type of a JSON value.
type Kind uint8

// The kinds. Invalid stands for a syntax error and for the end of the document.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind with its article, as error texts need it.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	}
	return "nothing"
}

// Reader reads one JSON document from front to back. The first error sticks: from then on every
// method returns its zero value and every loop ends, so that callers need to look at [Reader.Err]
// only once, after [Reader.End].
//
// The strings it returns share memory with the document, which must not be changed any more.
//
//	for r.BeginObject(); r.Next(); {
//		switch r.Key() {
//		case "id":
//			id = r.ReadString()
//		default:
//			r.Skip()
//		}
//	}
type Reader struct {
	data  []byte
	pos   int
	key   string
	err   *SyntaxError
	stack []frame
	keys  []string // the keys read so far of all open objects
}

// frame is an open object or array.
type frame struct {
	close byte
	first bool                // nothing was read of it yet
	base  int                 // its first key in Reader.keys
	set   map[string]struct{} // its keys, once they are many
}

// NewReader returns a reader of data.
func NewReader(data []byte) Reader { return Reader{data: data} }

// Err returns the first error, a *SyntaxError, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Offset returns where in the document the next value begins.
func (r *Reader) Offset() int {
	r.space()
	return r.pos
}

// Position returns the line and the column, counted from 1, of an offset.
func (r *Reader) Position(offset int) (line, column int) {
	before := r.data[:min(offset, len(r.data))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// Fail makes the reader fail at the value that comes next, for callers with rules of their own.
func (r *Reader) Fail(msg string) { r.fail(r.Offset(), msg) }

func (r *Reader) fail(offset int, msg string) {
	if r.err != nil {
		return
	}
	line, column := r.Position(offset)
	r.err = &SyntaxError{Msg: msg, Line: line, Column: column}
}

// unexpected fails at the current byte.
func (r *Reader) unexpected(want string) {
	got := "the end of the document"
	if r.pos < len(r.data) {
		c := r.data[r.pos]
		if c < 0x80 {
			got = strconv.QuoteRune(rune(c))
		} else {
			got = "byte 0x" + strconv.FormatUint(uint64(c), 16)
		}
	}
	r.fail(r.pos, "expected "+want+", got "+got)
}

// space skips what may stand between tokens.
func (r *Reader) space() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

// Kind returns the kind of the value that comes next, without reading it. It looks at the first
// byte only: reading the value may still fail.
func (r *Reader) Kind() Kind {
	r.space()
	if r.err != nil || r.pos >= len(r.data) {
		return Invalid
	}
	switch c := r.data[r.pos]; {
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '-' || c >= '0' && c <= '9':
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	}
	return Invalid
}

// expect fails unless a value of the kind comes next.
func (r *Reader) expect(want Kind) bool {
	got := r.Kind()
	if got == want {
		return true
	}
	switch {
	case r.err != nil:
	case got == Invalid:
		r.unexpected(want.String())
	default:
		r.fail(r.pos, "expected "+want.String()+", got "+got.String())
	}
	return false
}

// BeginObject opens the object that comes next. [Reader.Next] goes through it.
func (r *Reader) BeginObject() { r.begin(Object, '}') }

// BeginArray opens the array that comes next. [Reader.More] goes through it.
func (r *Reader) BeginArray() { r.begin(Array, ']') }

func (r *Reader) begin(kind Kind, end byte) {
	if !r.expect(kind) {
		return
	}
	if len(r.stack) == MaxDepth {
		r.fail(r.pos, "exceeded max depth")
		return
	}
	r.pos++
	r.stack = append(r.stack, frame{close: end, first: true, base: len(r.keys)})
}

// Next moves to the next member of the innermost object. It returns false at the object's end,
// which it closes, and after an error. After true, [Reader.Key] is the member's key, and its
// value comes next: it must be read or skipped before the next call.
func (r *Reader) Next() bool {
	ok, again := r.NextAgain()
	if again >= 0 && r.err == nil {
		r.fail(again, "duplicate key "+quote(r.key))
		r.err.duplicate = true
	}
	return ok && again < 0
}

// NextAgain is Next for who goes on after a key that the object has already: again is where that stands, else -1.
func (r *Reader) NextAgain() (ok bool, again int) {
	again = -1
	if !r.more() {
		return false, again
	}
	if r.pos >= len(r.data) || r.data[r.pos] != '"' {
		r.unexpected("a key")
		return false, again
	}
	start := r.pos
	r.key = r.ReadString()
	if r.err == nil && r.seen(r.key) {
		again = start
	}
	r.space()
	if r.pos >= len(r.data) || r.data[r.pos] != ':' {
		r.unexpected("':'")
		return false, again
	}
	r.pos++
	return r.err == nil, again
}

// Key returns the key that [Reader.Next] found last, in this object or one inside of it.
func (r *Reader) Key() string { return r.key }

// Duplicate tells whether the error is that the object has [Reader.Key] already.
func (r *Reader) Duplicate() bool { return r.err != nil && r.err.duplicate }

// More moves to the next element of the innermost array. It returns false at the array's end,
// which it closes, and after an error. After true, the element must be read or skipped.
func (r *Reader) More() bool { return r.more() }

// more steps over the comma or closes the innermost container.
func (r *Reader) more() bool {
	r.space()
	if r.err != nil || len(r.stack) == 0 {
		return false
	}
	top := &r.stack[len(r.stack)-1]
	switch {
	case r.pos < len(r.data) && r.data[r.pos] == top.close:
		r.pos++
		r.keys = r.keys[:top.base]
		r.stack = r.stack[:len(r.stack)-1]
		return false
	case top.first:
		top.first = false
	case r.pos < len(r.data) && r.data[r.pos] == ',':
		r.pos++
		r.space()
	default:
		r.unexpected("',' or " + strconv.QuoteRune(rune(top.close)))
	}
	return r.err == nil
}

// manyKeys is from when on an object's keys are kept in a map: comparing is faster for few.
const manyKeys = 32

// seen notes a key of the innermost object and reports whether it was there before.
func (r *Reader) seen(key string) bool {
	top := &r.stack[len(r.stack)-1]
	if top.set != nil {
		_, dup := top.set[key]
		top.set[key] = struct{}{}
		return dup
	}
	if slices.Contains(r.keys[top.base:], key) {
		return true
	}
	r.keys = append(r.keys, key)
	if keys := r.keys[top.base:]; len(keys) == manyKeys {
		top.set = make(map[string]struct{}, 2*manyKeys)
		for _, k := range keys {
			top.set[k] = struct{}{}
		}
	}
	return false
}

// Skip reads the next value, whatever it is, and forgets it. What is skipped must be valid.
func (r *Reader) Skip() {
	switch r.Kind() {
	case Null:
		r.literal("null")
	case Bool:
		r.ReadBool()
	case Number:
		r.ReadNumber()
	case String:
		r.ReadString()
	case Array:
		for r.BeginArray(); r.More(); {
			r.Skip()
		}
	case Object:
		for r.BeginObject(); r.Next(); {
			r.Skip()
		}
	default:
		if r.err == nil {
			r.unexpected("a value")
		}
	}
}

// SkipAgain is Skip for who goes on after keys that an object has already: again is told where each of those stands.
func (r *Reader) SkipAgain(again func(offset int)) {
	switch r.Kind() {
	case Array:
		for r.BeginArray(); r.More(); {
			r.SkipAgain(again)
		}
	case Object:
		r.BeginObject()
		for ok, at := r.NextAgain(); ok; ok, at = r.NextAgain() {
			if at >= 0 {
				again(at)
			}
			r.SkipAgain(again)
		}
	default:
		r.Skip()
	}
}

// End checks that nothing follows the document.
func (r *Reader) End() {
	r.space()
	if r.err == nil && r.pos < len(r.data) {
		r.unexpected("the end of the document")
	}
}
