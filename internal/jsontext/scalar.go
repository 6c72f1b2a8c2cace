package jsontext

import (
	"errors"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// ReadNull reads null if it comes next, and reports whether it did.
func (r *Reader) ReadNull() bool {
	return r.Kind() == Null && r.literal("null")
}

// ReadBool reads a boolean.
func (r *Reader) ReadBool() bool {
	if !r.expect(Bool) {
		return false
	}
	if r.data[r.pos] == 't' {
		return r.literal("true")
	}
	r.literal("false")
	return false
}

// literal reads a word of the language.
func (r *Reader) literal(word string) bool {
	if len(r.data)-r.pos < len(word) || string(r.data[r.pos:r.pos+len(word)]) != word {
		r.fail(r.pos, "expected "+word)
		return false
	}
	r.pos += len(word)
	return true
}

// ReadNumber reads a number and returns its text. [ParseInt] and [ParseUint] make integers of it.
func (r *Reader) ReadNumber() string {
	if !r.expect(Number) {
		return ""
	}
	start := r.pos
	if r.data[r.pos] == '-' {
		r.pos++
	}
	if r.pos < len(r.data) && r.data[r.pos] == '0' {
		r.pos++
	} else if !r.digits() {
		return ""
	}
	if r.pos < len(r.data) && r.data[r.pos] == '.' {
		r.pos++
		if !r.digits() {
			return ""
		}
	}
	if r.pos < len(r.data) && r.data[r.pos]|0x20 == 'e' {
		r.pos++
		if r.pos < len(r.data) && (r.data[r.pos] == '+' || r.data[r.pos] == '-') {
			r.pos++
		}
		if !r.digits() {
			return ""
		}
	}
	return alias(r.data[start:r.pos])
}

// digits reads one digit or more.
func (r *Reader) digits() bool {
	start := r.pos
	for r.pos < len(r.data) && r.data[r.pos]-'0' <= 9 {
		r.pos++
	}
	if r.pos == start {
		r.unexpected("a digit")
	}
	return r.pos > start
}

// ReadInt reads an integer of the given size in bits.
func (r *Reader) ReadInt(bits int) int64 {
	start := r.Offset()
	text := r.ReadNumber()
	if r.err != nil {
		return 0
	}
	v, err := ParseInt(text, bits)
	if err != nil {
		r.fail(start, err.Error())
	}
	return v
}

// ReadUint reads an integer of the given size in bits that isn't negative.
func (r *Reader) ReadUint(bits int) uint64 {
	start := r.Offset()
	text := r.ReadNumber()
	if r.err != nil {
		return 0
	}
	v, err := ParseUint(text, bits)
	if err != nil {
		r.fail(start, err.Error())
	}
	return v
}

// ParseInt makes a signed integer of bits bits of a number's text. Fractions and exponents are
// errors even where the value is integral, and no value is ever rounded.
func ParseInt(text string, bits int) (int64, error) {
	v, err := strconv.ParseInt(text, 10, bits)
	if err == nil {
		return v, nil
	}
	return 0, intError(err, text, "from -"+strconv.FormatUint(1<<(bits-1), 10)+" to "+strconv.FormatUint(1<<(bits-1)-1, 10))
}

// ParseUint is ParseInt for unsigned integers. It refuses "-0".
func ParseUint(text string, bits int) (uint64, error) {
	v, err := strconv.ParseUint(text, 10, bits)
	if err == nil {
		return v, nil
	}
	return 0, intError(err, text, "from 0 to "+strconv.FormatUint(1<<(bits-1)*2-1, 10))
}

func intError(err error, text, limits string) error {
	for i := 0; i < len(text); i++ {
		if text[i] == '.' || text[i]|0x20 == 'e' {
			return errors.New("expected an integer, got " + shorten(text))
		}
	}
	if text == "" {
		return err
	}
	return errors.New(shorten(text) + " is out of range: " + limits)
}

// ReadString reads a string.
func (r *Reader) ReadString() string {
	if !r.expect(String) {
		return ""
	}
	start := r.pos + 1
	for i := start + plain(alias(r.data[start:])); i < len(r.data); i += plain(alias(r.data[i:])) {
		switch c := r.data[i]; {
		case c == '"':
			r.pos = i + 1
			return alias(r.data[start:i])
		case c == '\\':
			return r.unescape(start, i)
		case c < 0x20:
			r.control(i)
			return ""
		case c >= utf8.RuneSelf:
			_, n := utf8.DecodeRune(r.data[i:])
			if n == 1 {
				r.fail(i, "string is not valid UTF-8")
				return ""
			}
			i += n
		}
	}
	r.fail(start-1, "string has no end")
	return ""
}

// plain returns how many bytes at the beginning of s are ASCII that a JSON string
// holds as it is: anything but control characters, '"' and '\\'. It takes eight at
// a time, for strings are what a big document consists of.
func plain(s string) int {
	const each, top = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(s); n += 8 {
		x := uint64(s[n]) | uint64(s[n+1])<<8 | uint64(s[n+2])<<16 | uint64(s[n+3])<<24 |
			uint64(s[n+4])<<32 | uint64(s[n+5])<<40 | uint64(s[n+6])<<48 | uint64(s[n+7])<<56
		// The top bit of a byte ends up set if the byte has it, or is below 0x20, or is
		// one of the two characters: a subtraction borrows, which may set that of the
		// bytes above, but never of one below.
		ends := (x | (x - 0x20*each) | ((x ^ '"'*each) - each) | ((x ^ '\\'*each) - each)) & top
		if ends != 0 {
			return n + bits.TrailingZeros64(ends)/8
		}
	}
	for n < len(s) && s[n] >= 0x20 && s[n] < utf8.RuneSelf && s[n] != '"' && s[n] != '\\' {
		n++
	}
	return n
}

// control fails at a control character that stands in a string as it is.
func (r *Reader) control(at int) {
	if r.data[at] == 0 {
		r.fail(at, "string contains a NUL byte")
	} else {
		r.fail(at, "control character in a string must be escaped")
	}
}

// unescape reads a string that begins at start and has its first escape at i, into new memory.
func (r *Reader) unescape(start, i int) string {
	buf := append(make([]byte, 0, i-start+32), r.data[start:i]...)
	for i < len(r.data) {
		switch c := r.data[i]; {
		case c == '"':
			r.pos = i + 1
			return alias(buf)
		case c == '\\':
			char, n := r.escape(i)
			if n == 0 {
				return ""
			}
			buf = utf8.AppendRune(buf, char)
			i += n
		case c < 0x20:
			r.control(i)
			return ""
		case c < utf8.RuneSelf:
			buf = append(buf, c)
			i++
		default:
			_, n := utf8.DecodeRune(r.data[i:])
			if n == 1 {
				r.fail(i, "string is not valid UTF-8")
				return ""
			}
			buf = append(buf, r.data[i:i+n]...)
			i += n
		}
	}
	r.fail(start-1, "string has no end")
	return ""
}

// escape reads the escape at i and returns its character and how many bytes it takes, 0 after an
// error.
func (r *Reader) escape(i int) (char rune, n int) {
	if i+1 < len(r.data) {
		switch c := r.data[i+1]; c {
		case '"', '\\', '/':
			return rune(c), 2
		case 'b':
			return '\b', 2
		case 'f':
			return '\f', 2
		case 'n':
			return '\n', 2
		case 'r':
			return '\r', 2
		case 't':
			return '\t', 2
		case 'u':
			return r.unicode(i)
		}
	}
	r.fail(i, "unknown escape in a string")
	return 0, 0
}

// unicode reads \uXXXX, or two of them that make one character outside of the first plane.
func (r *Reader) unicode(i int) (char rune, n int) {
	char, ok := r.hex4(i)
	switch {
	case !ok:
		r.fail(i, "\\u needs four hexadecimal digits")
		return 0, 0
	case char == 0:
		r.fail(i, "string contains a NUL byte")
		return 0, 0
	case !utf16.IsSurrogate(char):
		return char, 6
	}
	low, ok := r.hex4(i + 6)
	if pair := utf16.DecodeRune(char, low); ok && pair != utf8.RuneError {
		return pair, 12
	}
	r.fail(i, "string contains a lone surrogate")
	return 0, 0
}

// hex4 returns the value of \uXXXX at i.
func (r *Reader) hex4(i int) (v rune, ok bool) {
	if i+6 > len(r.data) || r.data[i] != '\\' || r.data[i+1] != 'u' {
		return 0, false
	}
	for _, c := range r.data[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		v = v<<4 | rune(c)
	}
	return v, true
}

// alias returns a string that shares its memory with b.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// quote and shorten keep error texts on one line and short, whatever the document holds.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	const limit = 64
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "..."
}
