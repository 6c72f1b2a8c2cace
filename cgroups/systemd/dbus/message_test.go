package dbus

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The bytes are those that the specification's rules of alignment give.
func TestEncode(t *testing.T) {
	for _, c := range []struct {
		v    Value
		want string
	}{
		{Byte(7), "07"},
		{Bool(true), "01000000"},
		{Int16(-2), "feff"},
		{Uint16(2), "0200"},
		{Int32(-2), "feffffff"},
		{Uint32(258), "02010000"},
		{Int64(-2), "feffffffffffffff"},
		{Uint64(1), "0100000000000000"},
		{Double(1), "000000000000f03f"},
		{String("ab"), "02000000616200"},
		{ObjectPath("/"), "010000002f00"},
		{Type("s"), "017300"},
		{Bytes{1, 2}, "020000000102"},
		{Array{Elem: "u", Items: []Value{Uint32(1)}}, "0400000001000000"},
		{Array{Elem: "t", Items: []Value{Uint64(1)}}, "08000000000000000100000000000000"}, // padding isn't counted
		{Array{Elem: "(sv)"}, "0000000000000000"},
		{Tuple{Byte(1), Uint32(2)}, "0100000002000000"},
		{Variant{Uint32(1)}, "0175000001000000"},
		{Tuple{String("a"), Variant{Bool(false)}}, "010000006100016200000000" + "00000000"},
	} {
		want, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.v.encode(nil); !bytes.Equal(got, want) {
			t.Errorf("%s %s = %x, want %x", c.v.Signature(), c.v, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	fields := Array{Elem: "(yv)", Items: []Value{
		Tuple{Byte(fieldReply), Variant{Uint32(1)}}, Tuple{Byte(fieldSignature), Variant{Type("s")}}, Tuple{Byte(7), Variant{String(":1")}},
	}}
	little := pad(fields.encode(append32(append32([]byte{'l', methodReturn, 1, 1}, 6), 5)), 8)
	m := decoded(t, hex.EncodeToString(String("z").encode(little)))
	if m.kind != methodReturn || m.reply != 1 || m.Body().String() != "z" {
		t.Errorf("message = %+v", m)
	}
	r := m.Body()
	_, _ = r.String(), r.Uint32()
	if r.Err() == nil {
		t.Error("there is no second argument, and no error")
	}
	big := "42020101000000060000000500000008" + "0501750000000001" + "000000017a00"
	if m := decoded(t, big); m.reply != 1 || m.Body().String() != "z" {
		t.Errorf("message = %+v", m)
	}
}

func decoded(t *testing.T, text string) *Message {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if m, _, err := decode(b[:n]); m != nil || err != nil {
			t.Fatalf("decode of the first %d bytes = %v, %v", n, m, err)
		}
	}
	m, size, err := decode(append(b, 'x'))
	if err != nil || size != len(b) {
		t.Fatalf("decode = %d of %d bytes, %v", size, len(b), err)
	}
	return m
}

// What a peer sends is read, or refused, and nothing else.
func FuzzDecode(f *testing.F) {
	f.Add((&Call{Destination: "a.b", Path: "/", Interface: "c.d", Member: "E", Args: []Value{String("x"), Uint32(5)}}).encode(1))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, size, err := decode(b)
		if err != nil || m == nil {
			return
		}
		if size < 16 || size > len(b) {
			t.Fatalf("%d of %d bytes", size, len(b))
		}
		r := m.Body()
		_, _, _, _ = r.Uint32(), r.String(), r.VariantString(), r.Byte()
	})
}
