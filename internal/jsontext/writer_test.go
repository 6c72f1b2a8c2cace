package jsontext

import (
	"bytes"
	"encoding/json"
	"testing"
)

// write writes any value as encoding/json would, but for the order of keys.
func write(w *Writer, v any) {
	switch v := v.(type) {
	case nil:
		w.Null()
	case bool:
		w.Bool(v)
	case int:
		w.Int(int64(v))
	case uint64:
		w.Uint(v)
	case string:
		w.String(v)
	case json.RawMessage:
		w.Raw(string(v))
	case []any:
		w.BeginArray()
		for _, e := range v {
			write(w, e)
		}
		w.EndArray()
	case map[string]any: // of one key
		w.BeginObject()
		for k, e := range v {
			w.Key(k)
			write(w, e)
		}
		w.EndObject()
	}
}

func encode(t *testing.T, v any, indent string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func TestWriter(t *testing.T) {
	for _, v := range []any{
		nil, true, false, 0, -5, uint64(1<<64 - 1), "", "x",
		[]any{},
		map[string]any{},
		[]any{1, "a", nil, []any{}, []any{[]any{true}, false}, map[string]any{}},
		map[string]any{"a": map[string]any{"b": []any{map[string]any{"c<>&": 1}, 2, json.RawMessage("3")}}},
		map[string]any{"": []any{map[string]any{"x": []any{}}, []any{}}},
	} {
		for _, indent := range []string{"", "  ", "\t"} {
			w := NewWriter([]byte("before"), indent)
			write(&w, v)
			if got, want := string(w.Bytes()), "before"+encode(t, v, indent); got != want {
				t.Errorf("%v: got %s, want %s", v, got, want)
			}
		}
	}
}

func FuzzAppendString(f *testing.F) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, s := range []string{"", "plain", "\"\\/<>&", "\b\f\n\r\t\x00\x1f\x7f", "é€😀\u2027\u2028\u2029\u202a\ufffd", "\xff\xc3\xed\xa0\x80x", string(all)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(AppendString(nil, s)), encode(t, s, ""); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", s, got, want)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		w := NewWriter(buf[:0], "  ")
		w.BeginObject()
		for range 20 {
			w.Key("annotations")
			w.String("a string of usual length/and kind")
		}
		w.EndObject()
		buf = w.Bytes()
	}
}
