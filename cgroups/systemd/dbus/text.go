package dbus

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// words are the types that may stand before a value, by name.
var words = [...]struct{ name, signature string }{
	{"boolean", "b"},
	{"byte", "y"},
	{"int16", "n"},
	{"uint16", "q"},
	{"int32", "i"},
	{"uint32", "u"},
	{"int64", "x"},
	{"uint64", "t"},
	{"double", "d"},
	{"string", "s"},
	{"objectpath", "o"},
	{"signature", "g"},
}

// Parse reads a value in GVariant's text format, as people write it: true, 5,
// 2.5, 'a string', uint64 5, @t 5, ['a', 'b'], (1, 'x'). A number without a type
// is an int32, or a double. Dictionaries aren't known.
func Parse(text string) (Value, error) {
	p := parser{rest: text}
	v, err := p.value("")
	if err == nil && p.peek() != 0 {
		err = fmt.Errorf("unexpected %.20q", p.rest)
	}
	return v, err
}

type parser struct {
	rest  string
	depth int
}

// peek skips blanks and returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// word takes what is made of letters, digits and a number's marks.
func (p *parser) word() string {
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return !strings.ContainsRune("+-._", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if n < 0 {
		n = len(p.rest)
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	return word
}

// value reads a value; of the type, if one is given.
func (p *parser) value(typ string) (Value, error) {
	if p.depth++; p.depth > 32 {
		return nil, fmt.Errorf("nested too deeply")
	}
	defer func() { p.depth-- }()
	switch c := p.peek(); c {
	case 0:
		return nil, fmt.Errorf("unexpected end")
	case '@':
		end := strings.IndexAny(p.rest, " \t")
		if end < 2 {
			return nil, fmt.Errorf("unexpected %.20q", p.rest)
		}
		sig := p.rest[1:end]
		p.rest = p.rest[end:]
		if !known(sig) {
			return nil, fmt.Errorf("unknown type %.20q", sig)
		}
		return p.value(sig)
	case '\'', '"':
		return p.quoted(c, typ)
	case '[':
		return p.array(typ)
	case '(':
		return p.tuple(typ)
	}
	word := p.word()
	for _, w := range words {
		if w.name == word {
			return p.value(w.signature)
		}
	}
	if word == "" {
		return nil, fmt.Errorf("unexpected %.20q", p.rest)
	}
	return scalar(word, typ)
}

// known tells whether a signature after @ is one that value can read: a basic
// type, an array of one, or a struct or an array of arrays is left to inference.
func known(sig string) bool {
	return len(strings.TrimLeft(sig, "a")) == 1 && strings.ContainsAny(sig[len(sig)-1:], "ybnqiuxtdsog")
}

func (p *parser) quoted(quote byte, typ string) (Value, error) {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		c := p.rest[i]
		switch {
		case c == quote:
			p.rest = p.rest[i+1:]
			return text(b.String(), typ)
		case c == '\\' && i+1 < len(p.rest):
			i++
			c = p.rest[i]
			if n := strings.IndexByte("ntr", c); n >= 0 {
				c = "\n\t\r"[n]
			}
		}
		b.WriteByte(c)
	}
	return nil, fmt.Errorf("string without an end")
}

func text(s, typ string) (Value, error) {
	if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
		return nil, fmt.Errorf("%.20q is not text", s)
	}
	switch typ {
	case "", "s":
		return String(s), nil
	case "o":
		return ObjectPath(s), nil
	case "g":
		if len(s) < 256 {
			return Type(s), nil
		}
	}
	return nil, fmt.Errorf("%.20q is not of type %s", s, typ)
}

func (p *parser) array(typ string) (Value, error) {
	if typ != "" && typ[0] != 'a' {
		return nil, fmt.Errorf("an array is not of type %s", typ)
	}
	items, err := p.items(']', strings.TrimPrefix(typ, "a"))
	if err != nil {
		return nil, err
	}
	a := Array{Elem: strings.TrimPrefix(typ, "a"), Items: items}
	for i, v := range items {
		if a.Elem == "" {
			a.Elem = v.Signature()
		}
		if v.Signature() != a.Elem {
			return nil, fmt.Errorf("element %d of an array is of another type than the first", i)
		}
	}
	if a.Elem == "" {
		return nil, fmt.Errorf("the type of an empty array isn't known")
	}
	return a, nil
}

func (p *parser) tuple(typ string) (Value, error) {
	if typ != "" {
		return nil, fmt.Errorf("a tuple is not of type %s", typ)
	}
	items, err := p.items(')', "")
	if err == nil && len(items) == 0 {
		err = fmt.Errorf("an empty tuple")
	}
	return Tuple(items), err
}

// items reads values up to the closing bracket. What array has found to be the
// type of the first need not be said of the others.
func (p *parser) items(end byte, typ string) (list []Value, err error) {
	p.rest = p.rest[1:]
	for {
		if p.peek() == end {
			p.rest = p.rest[1:]
			return list, nil
		}
		want := typ
		if want == "" && end == ']' && len(list) > 0 && known(list[0].Signature()) {
			want = list[0].Signature()
		}
		v, err := p.value(want)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch c := p.peek(); {
		case c == ',':
			p.rest = p.rest[1:]
		case c != end:
			return nil, fmt.Errorf("unexpected %.20q", p.rest)
		}
	}
}

// scalar reads a boolean or a number.
func scalar(word, typ string) (Value, error) {
	if typ == "" {
		switch {
		case word == "true" || word == "false":
			typ = "b"
		case strings.ContainsAny(word, ".eE") && !strings.HasPrefix(word, "0x"):
			typ = "d"
		default:
			typ = "i"
		}
	}
	bits := map[string]int{"y": 8, "n": 16, "q": 16, "i": 32, "u": 32, "x": 64, "t": 64}[typ]
	var err error
	var v Value
	switch typ {
	case "b":
		if word != "true" && word != "false" {
			err = strconv.ErrSyntax
		}
		v = Bool(word == "true")
	case "d":
		var f float64
		f, err = strconv.ParseFloat(word, 64)
		v = Double(f)
	case "n", "i", "x":
		var n int64
		n, err = strconv.ParseInt(word, 0, bits)
		v = map[string]Value{"n": Int16(n), "i": Int32(n), "x": Int64(n)}[typ]
	case "y", "q", "u", "t":
		var n uint64
		n, err = strconv.ParseUint(word, 0, bits)
		v = map[string]Value{"y": Byte(n), "q": Uint16(n), "u": Uint32(n), "t": Uint64(n)}[typ]
	default:
		err = strconv.ErrSyntax
	}
	if err != nil {
		return nil, fmt.Errorf("%.40q is not of type %s", word, typ)
	}
	return v, nil
}
