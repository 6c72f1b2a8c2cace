package jsontext

import (
	"bytes"
	"testing"
)

// Every byte at every place of a word and of what is left over ends what is plain,
// or doesn't, whatever stands before and behind it.
func TestPlain(t *testing.T) {
	for c := range 256 {
		end := c < 0x20 || c >= 0x80 || c == '"' || c == '\\'
		for _, around := range []byte{' ', '!', '#', '[', ']', 0x7f} {
			for at := range 20 {
				s := bytes.Repeat([]byte{around}, 20)
				s[at] = byte(c)
				want := 20
				if end {
					want = at
				}
				if got := plain(string(s)); got != want {
					t.Fatalf("%q: %d bytes are plain, want %d", s, got, want)
				}
				if at < 19 && end {
					s[at+1] = '"' // a second one doesn't move it
					if got := plain(string(s)); got != want {
						t.Fatalf("%q: %d bytes are plain, want %d", s, got, want)
					}
				}
			}
		}
	}
}
