package jsontext

import (
	"strconv"
	"unicode/utf8"
)

// Writer appends one JSON document to a buffer. It writes what encoding/json would with
// SetEscapeHTML(false), and with an indent what SetIndent("", indent) gives. Its caller keeps
// the order of calls sensible: in an object, a Key before each value.
//
//	w := jsontext.NewWriter(nil, "  ")
//	w.BeginObject()
//	w.Key("id")
//	w.String(id)
//	w.EndObject()
//	os.Stdout.Write(w.Bytes())
type Writer struct {
	buf    []byte
	indent string
	depth  int
	inside bool // the innermost container has a value already
	member bool // a key was written, its value is next
}

// NewWriter returns a writer that appends to buf. An empty indent gives a document of one line.
func NewWriter(buf []byte, indent string) Writer { return Writer{buf: buf, indent: indent} }

// Bytes returns the buffer with all that was written.
func (w *Writer) Bytes() []byte { return w.buf }

// separate writes what belongs between the last token and the next value or key.
func (w *Writer) separate() {
	if w.member {
		w.member = false
		return
	}
	if w.inside {
		w.buf = append(w.buf, ',')
	}
	if w.depth > 0 {
		w.newline()
	}
	w.inside = true
}

func (w *Writer) newline() {
	if w.indent == "" {
		return
	}
	w.buf = append(w.buf, '\n')
	for range w.depth {
		w.buf = append(w.buf, w.indent...)
	}
}

// BeginObject opens an object.
func (w *Writer) BeginObject() { w.begin('{') }

// BeginArray opens an array.
func (w *Writer) BeginArray() { w.begin('[') }

// EndObject closes the innermost container, which must be an object.
func (w *Writer) EndObject() { w.end('}') }

// EndArray closes the innermost container, which must be an array.
func (w *Writer) EndArray() { w.end(']') }

func (w *Writer) begin(c byte) {
	w.separate()
	w.buf = append(w.buf, c)
	w.depth++
	w.inside = false
}

func (w *Writer) end(c byte) {
	w.depth--
	if w.inside {
		w.newline()
	}
	w.buf = append(w.buf, c)
	w.inside = true
}

// Key writes the key of the next member.
func (w *Writer) Key(key string) {
	w.separate()
	w.buf = AppendString(w.buf, key)
	w.buf = append(w.buf, ':')
	if w.indent != "" {
		w.buf = append(w.buf, ' ')
	}
	w.member = true
}

// String writes a string. Bytes that are not valid UTF-8 become U+FFFD.
func (w *Writer) String(s string) {
	w.separate()
	w.buf = AppendString(w.buf, s)
}

// Int writes an integer.
func (w *Writer) Int(v int64) {
	w.separate()
	w.buf = strconv.AppendInt(w.buf, v, 10)
}

// Uint writes an integer.
func (w *Writer) Uint(v uint64) {
	w.separate()
	w.buf = strconv.AppendUint(w.buf, v, 10)
}

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	w.separate()
	w.buf = strconv.AppendBool(w.buf, v)
}

// Null writes null.
func (w *Writer) Null() { w.Raw("null") }

// Raw writes a value that is JSON already, as it is.
func (w *Writer) Raw(json string) {
	w.separate()
	w.buf = append(w.buf, json...)
}

// AppendString appends s as a JSON string.
func AppendString(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	buf = append(buf, '"')
	start := 0
	for i := plain(s); i < len(s); i += plain(s[i:]) {
		c := s[i]
		char, n := utf8.DecodeRuneInString(s[i:])
		if c >= utf8.RuneSelf && n > 1 && char != '\u2028' && char != '\u2029' {
			i += n
			continue
		}
		buf = append(buf, s[start:i]...)
		switch {
		case c == '"' || c == '\\':
			buf = append(buf, '\\', c)
		case c == '\b':
			buf = append(buf, `\b`...)
		case c == '\f':
			buf = append(buf, `\f`...)
		case c == '\n':
			buf = append(buf, `\n`...)
		case c == '\r':
			buf = append(buf, `\r`...)
		case c == '\t':
			buf = append(buf, `\t`...)
		case c < 0x20:
			buf = append(buf, `\u00`...)
			buf = append(buf, hex[c>>4], hex[c&15])
		case n == 1:
			buf = append(buf, `\ufffd`...)
		default: // line and paragraph separators, which JavaScript does not take in strings
			buf = append(buf, `\u202`...)
			buf = append(buf, hex[char&15])
		}
		i += n
		start = i
	}
	buf = append(buf, s[start:]...)
	return append(buf, '"')
}
