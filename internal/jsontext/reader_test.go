package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// value reads any value the way encoding/json does with UseNumber.
func value(r *Reader) any {
	switch r.Kind() {
	case Null:
		r.ReadNull()
	case Bool:
		return r.ReadBool()
	case Number:
		return json.Number(r.ReadNumber())
	case String:
		return r.ReadString()
	case Array:
		list := []any{}
		for r.BeginArray(); r.More(); {
			list = append(list, value(r))
		}
		return list
	case Object:
		m := map[string]any{}
		for r.BeginObject(); r.Next(); {
			k := r.Key()
			m[k] = value(r)
		}
		return m
	default:
		r.Skip()
	}
	return nil
}

func parse(data []byte) (any, error) {
	r := NewReader(data)
	v := value(&r)
	r.End()
	return v, r.Err()
}

func skip(data []byte) error {
	r := NewReader(data)
	r.Skip()
	r.End()
	return r.Err()
}

func TestReader(t *testing.T) {
	for _, doc := range []string{
		`null`, `true`, ` false `, `0`, `-0`, `1e400`, `-12.5E-3`, `9007199254740993`,
		`""`, `"a"`, `"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00é€😀\ufffd"`, "\"\u2028\x7f\"",
		`[]`, `[ ]`, `{}`, "{\n}", `[1,[2,[3]],{}]`, `{"a":{"a":[{"a":null}]},"b":{"a":1}}`,
		strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
		strings.Repeat(`{"a":`, MaxDepth-1) + "1" + strings.Repeat("}", MaxDepth-1),
	} {
		got, err := parse([]byte(doc))
		want, wantErr := reference([]byte(doc))
		if err != nil || wantErr != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%.80s: got %v, %v, want %v, %v", doc, got, err, want, wantErr)
		}
		if err := skip([]byte(doc)); err != nil {
			t.Errorf("Skip of %.80s: %v", doc, err)
		}
	}
}

// reference is what encoding/json makes of a document.
func reference(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	return v, nil
}

func TestReaderErrors(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`"k` + strings.Repeat("x", i) + `":0,`)
		}
		return b.String()
	}
	for _, tt := range []struct{ doc, want string }{
		{``, `expected a value, got the end of the document (line 1, column 1)`},
		{" \n ", `expected a value, got the end of the document (line 2, column 2)`},
		{"\xef\xbb\xbf{}", `expected a value, got byte 0xef (line 1, column 1)`},
		{`{} x`, `expected the end of the document, got 'x' (line 1, column 4)`},
		{"{}\n\n{}", `expected the end of the document, got '{' (line 3, column 1)`},
		{"{}\x00", `expected the end of the document, got '\x00' (line 1, column 3)`},
		{`{"a":1,"a":2}`, `duplicate key "a" (line 1, column 8)`},
		{`{"a":1,"\u0061":2}`, `duplicate key "a" (line 1, column 8)`},
		{`{"b":{"a":1,"c":[{"a":1,"a":1}]}}`, `duplicate key "a" (line 1, column 25)`},
		{`{` + many(100) + `"kx":1}`, `duplicate key "kx"`},
		{`{` + many(100) + `"k":1}`, `duplicate key "k"`},
		{`{` + many(31) + many(1) + `"z":1}`, `duplicate key "k"`},
		{`{` + many(32) + many(1) + `"z":1}`, `duplicate key "k"`},
		{`["a` + "\x00" + `"]`, `string contains a NUL byte (line 1, column 4)`},
		{`["\u0000"]`, `string contains a NUL byte`},
		{`["é\u0000"]`, `string contains a NUL byte`},
		{`{"\u0000":1}`, `string contains a NUL byte`},
		{`["` + "\xff" + `"]`, `string is not valid UTF-8 (line 1, column 3)`},
		{`["\n` + "\xc3" + `"]`, `string is not valid UTF-8`},
		{`["` + "\xed\xa0\x80" + `"]`, `string is not valid UTF-8`},
		{`["` + "\xc0\x80" + `"]`, `string is not valid UTF-8`},
		{`["\ud800"]`, `lone surrogate`},
		{`["\udc00"]`, `lone surrogate`},
		{`["\ud800\u0041"]`, `lone surrogate`},
		{`["\udc00\ud800"]`, `lone surrogate`},
		{`["\ud800\"]`, `lone surrogate`},
		{`["\u12g4"]`, `four hexadecimal digits`},
		{`["\u12`, `four hexadecimal digits`},
		{`["\x41"]`, `unknown escape`},
		{`["\`, `unknown escape`},
		{"[\"a\nb\"]", `control character in a string must be escaped (line 1, column 4)`},
		{"[\"\\t\tb\"]", `control character`},
		{`"abc`, `string has no end (line 1, column 1)`},
		{`"a\nbc`, `string has no end (line 1, column 1)`},
		{strings.Repeat("[", MaxDepth+1), `exceeded max depth`},
		{strings.Repeat("[", 100000), `exceeded max depth`},
		{strings.Repeat(`{"a":`, 100000), `exceeded max depth`},
		{`[1,]`, `expected a value, got ']' (line 1, column 4)`},
		{`[,1]`, `expected a value, got ','`},
		{`[1 2]`, `expected ',' or ']', got '2'`},
		{`[1`, `expected ',' or ']', got the end`},
		{`[`, `expected a value, got the end`},
		{`[}`, `expected a value, got '}'`},
		{`{"a":1,}`, `expected a key, got '}'`},
		{`{,}`, `expected a key, got ','`},
		{`{a:1}`, `expected a key, got 'a'`},
		{`{"a" 1}`, `expected ':', got '1'`},
		{`{"a":}`, `expected a value, got '}'`},
		{`{"a":1]`, `expected ',' or '}', got ']'`},
		{`{"a"`, `expected ':', got the end`},
		{`tru`, `expected true`},
		{`nul`, `expected null`},
		{`fals`, `expected false`},
		{`truex`, `expected the end of the document, got 'x'`},
		{`01`, `expected the end of the document, got '1'`},
		{`-`, `expected a digit`},
		{`1.`, `expected a digit`},
		{`1e`, `expected a digit`},
		{`1e+`, `expected a digit`},
		{`.5`, `expected a value`},
		{`+1`, `expected a value`},
		{`0x10`, `expected the end of the document, got 'x'`},
		{`NaN`, `expected a value`},
		{"\v1", `expected a value, got '\v'`},
		{`/**/1`, `expected a value`},
		{`'a'`, `expected a value`},
	} {
		for name, f := range map[string]func() error{
			"value": func() error { _, err := parse([]byte(tt.doc)); return err },
			"Skip":  func() error { return skip([]byte(tt.doc)) },
		} {
			err := f()
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Errorf("%s of %.80q: error %v, want a *SyntaxError", name, tt.doc, err)
				continue
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s of %.80q: error %q, want %q", name, tt.doc, err, tt.want)
			}
		}
	}
}

// Typed reads of the wrong type fail, and the first failure sticks.
func TestReaderTypes(t *testing.T) {
	for _, tt := range []struct {
		doc  string
		read func(*Reader)
		want string
	}{
		{`1`, func(r *Reader) { r.ReadString() }, `expected a string, got a number (line 1, column 1)`},
		{` "x"`, func(r *Reader) { r.ReadInt(64) }, `expected a number, got a string (line 1, column 2)`},
		{`null`, func(r *Reader) { r.ReadBool() }, `expected a boolean, got null`},
		{`true`, func(r *Reader) { r.BeginObject(); r.Next() }, `expected an object, got a boolean`},
		{`{}`, func(r *Reader) { r.BeginArray(); r.More() }, `expected an array, got an object`},
		{`[]`, func(r *Reader) { r.BeginObject() }, `expected an object, got an array`},
		{``, func(r *Reader) { r.ReadString() }, `expected a string, got the end of the document`},
		{`300`, func(r *Reader) { r.ReadUint(8) }, `300 is out of range: from 0 to 255`},
		{`{"a":"b"}`, func(r *Reader) { r.BeginObject(); r.Next(); r.ReadInt(8); r.ReadString() }, `expected a number, got a string (line 1, column 6)`},
		{` 7`, func(r *Reader) { r.Fail("no sevens") }, `no sevens (line 1, column 2)`},
	} {
		r := NewReader([]byte(tt.doc))
		tt.read(&r)
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.doc, err, tt.want)
		}
		if r.Kind() != Invalid || r.Next() || r.More() {
			t.Errorf("%q: reads on after an error", tt.doc)
		}
	}
	r := NewReader([]byte(`{"id": "x", "pid": 12, "old": null}`))
	r.BeginObject()
	for r.Next() {
		switch r.Key() {
		case "id":
			if got := r.ReadString(); got != "x" {
				t.Errorf("ReadString() = %q, want x", got)
			}
		case "pid":
			if got := r.ReadInt(32); got != 12 {
				t.Errorf("ReadInt() = %d, want 12", got)
			}
		default:
			if !r.ReadNull() {
				t.Error("ReadNull() = false, want true")
			}
		}
	}
	if r.End(); r.Err() != nil {
		t.Errorf("Err() = %v, want nil", r.Err())
	}
}

func TestParseInt(t *testing.T) {
	for _, tt := range []struct {
		text string
		bits int
		want int64
		err  string
	}{
		{"0", 64, 0, ""},
		{"-0", 64, 0, ""},
		{"9007199254740993", 64, 9007199254740993, ""},
		{"9223372036854775807", 64, 1<<63 - 1, ""},
		{"-9223372036854775808", 64, -1 << 63, ""},
		{"9223372036854775808", 64, 0, "9223372036854775808 is out of range: from -9223372036854775808 to 9223372036854775807"},
		{"-129", 8, 0, "-129 is out of range: from -128 to 127"},
		{"1.0", 64, 0, "expected an integer, got 1.0"},
		{"1e2", 64, 0, "expected an integer, got 1e2"},
		{"1E400", 64, 0, "expected an integer"},
		{"", 64, 0, "invalid syntax"},
		{strings.Repeat("9", 1000), 64, 0, "9... is out of range"},
	} {
		got, err := ParseInt(tt.text, tt.bits)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("ParseInt(%.30s, %d) = %d, %v, want %d, %q", tt.text, tt.bits, got, err, tt.want, tt.err)
		}
	}
	for _, tt := range []struct {
		text string
		bits int
		want uint64
		err  string
	}{
		{"0", 64, 0, ""},
		{"18446744073709551615", 64, 1<<64 - 1, ""},
		{"4294967295", 32, 1<<32 - 1, ""},
		{"18446744073709551616", 64, 0, "is out of range: from 0 to 18446744073709551615"},
		{"4294967296", 32, 0, "4294967296 is out of range: from 0 to 4294967295"},
		{"-1", 32, 0, "-1 is out of range: from 0 to 4294967295"},
		{"-0", 32, 0, "-0 is out of range"},
		{"0.5", 32, 0, "expected an integer, got 0.5"},
	} {
		got, err := ParseUint(tt.text, tt.bits)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("ParseUint(%.30s, %d) = %d, %v, want %d, %q", tt.text, tt.bits, got, err, tt.want, tt.err)
		}
	}
}

// A document that both take means the same to both, and the reader takes nothing that
// encoding/json refuses. It may refuse more, but only for its own rules.
func FuzzReader(f *testing.F) {
	for _, doc := range []string{
		`{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",true,null,{}],"b":{"a":""}}`, `[[[[]]]]`, `"\ud800"`,
		`{"a":1,"a":2}`, "\"\xff\"", `[1,]`, `1e400`, `-0`, ` `, `{"a":1}x`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parse(bytes.Clone(data))
		if skipErr := skip(bytes.Clone(data)); (err == nil) != (skipErr == nil) {
			t.Fatalf("reading: %v, skipping: %v", err, skipErr)
		}
		want, wantErr := reference(data)
		switch {
		case err == nil && wantErr != nil:
			t.Fatalf("accepted what encoding/json refuses: %v", wantErr)
		case err == nil && !reflect.DeepEqual(got, want):
			t.Fatalf("got %#v, want %#v", got, want)
		case err != nil && wantErr == nil:
			for _, rule := range []string{"duplicate key", "NUL byte", "valid UTF-8", "lone surrogate", "max depth"} {
				if strings.Contains(err.Error(), rule) {
					return
				}
			}
			t.Fatalf("refused what encoding/json accepts: %v", err)
		}
	})
}
